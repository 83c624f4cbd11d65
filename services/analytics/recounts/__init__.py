"""Recounts: the sums held against the facts that they follow from, and made right where they differ."""

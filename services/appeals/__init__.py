"""Carries each case to its outcome."""

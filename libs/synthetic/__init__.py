"""Plausible claims and the payers that adjudicate them."""

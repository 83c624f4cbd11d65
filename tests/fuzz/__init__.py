"""Inputs that nobody would send on purpose, by the million: `python -m tests.fuzz` (make fuzz); corpus/ keeps what they found."""

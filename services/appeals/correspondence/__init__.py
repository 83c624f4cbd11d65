"""What was said between us and payers about a case, what was promised by when, and what a missed promise leaves to do."""

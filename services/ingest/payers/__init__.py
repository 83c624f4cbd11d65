"""Payers' rules: what each payer asks for and allows, by version and by day, and what changed in it."""

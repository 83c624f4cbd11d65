"""Root causes: combinations of payer, procedure, provider and so on whose claims are refused more often than the rest, and why."""

"""The odds that a denial is overturned, learned from how contested denials ended."""

"""Labels: what billers and audits say that a denial is, kept beside it, and how our judgement stands against them."""

"""Pages about single codes: what each means, what we make of it, and how often it was seen."""

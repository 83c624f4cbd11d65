"""A claim sent again, mended: what changes, what checks say of it, its 837, and its way to the payer exactly once."""

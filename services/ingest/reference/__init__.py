"""Reference data that a tenant loads: code sets and NCCI tables by quarter, and each payer's rules by version."""

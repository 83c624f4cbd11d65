"""Takes claims and remittances in, checks and matches them."""

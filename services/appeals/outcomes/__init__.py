"""How contested denials end: what later remittances brought, what people say, and the one outcome that both come to."""

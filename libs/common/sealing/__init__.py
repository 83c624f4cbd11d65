"""Encryption at rest of who patients are (docs/privacy.md): a data key a tenant, wrapped by a master key; cells keep places."""

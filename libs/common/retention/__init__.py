"""How long what is of which kind is kept, by tenant, and the job that takes away what is past its time (docs/privacy.md)."""

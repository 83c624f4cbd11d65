"""Shows where denials come from."""

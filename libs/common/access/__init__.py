"""Who asks, and what they may: tokens and their keys, scopes and roles, revocation; docs/access.md tells of all of it."""

"""What to work on next: each case's place on the worklist, who holds it, and what is done to many at once (docs/appeals.md)."""

"""The registry of payers: how each is reached, which levels of appeal it has, and what is not settled yet (docs/deadlines.md)."""

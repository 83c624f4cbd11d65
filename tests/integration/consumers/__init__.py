"""The three services that consume, over a real database each."""

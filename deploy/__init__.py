"""How Recours is run."""

"""Claims and adjudications without what says whose they are, for analysis outside (docs/privacy.md): of any size, streamed."""

"""The real processes over the real stack, from HTTP to HTTP."""

"""The typed HTTP client and the `recours` command line."""

"""The codes by which payers refuse: which of them cost most."""

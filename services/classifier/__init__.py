"""Says what each denial is and what to do about it."""

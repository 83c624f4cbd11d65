"""Everything is killed, many times, under load whose truth is known; afterwards everything is counted."""

"""A new version takes the old one's place while clients send: rolling restarts, old beside new, events of a later version."""

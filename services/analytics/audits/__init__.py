"""Audits: a sample of denials that anybody can draw again, two people's reviews of it, and what it says of all of them."""

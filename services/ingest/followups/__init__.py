"""Timely follow-up: what waits too long, does not add up or was not paid as agreed, each with a day, an amount and a next step."""

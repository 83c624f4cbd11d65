"""Scorecards: how each payer, provider, facility or coder does, against its own period before and the tenant's mean."""

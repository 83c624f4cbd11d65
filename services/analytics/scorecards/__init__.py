"""Scorecards: how each payer, provider or facility does, against its own period before and the tenant's mean."""

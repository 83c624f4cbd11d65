"""Alerts: what a payer refuses, watched day by day; a shift is told of, noise is not (docs/alerts.md)."""

"""Webhooks: steps of alerts, posted to addresses that subscribed, signed (docs/alerts.md)."""

"""Scheduled reports: exports made for each period once, and kept for a while."""

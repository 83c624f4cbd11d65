"""What events do not tell and key figures need: net revenue by month, and what working a denial costs. Told by the tenant."""

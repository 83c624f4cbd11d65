"""What every service may build on."""

"""A simulated payer for tenants marked `sandbox`, so that every path can be tried without a real one."""

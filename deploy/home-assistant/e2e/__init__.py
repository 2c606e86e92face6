"""Home Assistant, the service and a provider, all of them real processes."""

"""The address that Prometheus scrapes."""

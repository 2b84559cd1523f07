"""What an operator watches, for Prometheus."""

"""Where WeChat's platform pushes messages and events."""

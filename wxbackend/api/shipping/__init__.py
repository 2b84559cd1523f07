"""What was shipped, over HTTP."""

"""What the books say, over HTTP."""

"""SetupIntents over HTTP."""

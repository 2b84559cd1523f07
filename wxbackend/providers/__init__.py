"""Payment providers: each folder speaks one dialect, builds exchanges and reads messages. No I/O."""

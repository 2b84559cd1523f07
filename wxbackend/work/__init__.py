"""Time in: what is due is taken from the database, leased, and handed to ONE flow."""

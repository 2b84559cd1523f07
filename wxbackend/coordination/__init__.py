"""What processes share for a short time: a second SQLite file on one machine, Redis between several."""

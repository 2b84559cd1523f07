"""What an operator does: keys, the doctor, metrics, back-ups, restarts and production settings."""

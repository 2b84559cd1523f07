"""Use cases, one per file: each takes its dependencies and a command, and says what happened."""

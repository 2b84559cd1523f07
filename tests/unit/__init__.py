"""Pure tests: one room at a time, nothing of ours started."""

"""The desk: where a test or a person plays the buyer, turns the clock, sets mischief and reads what happened."""

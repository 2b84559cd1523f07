"""The telephone on which a person plays the buyer; it asks the desk for everything it does."""

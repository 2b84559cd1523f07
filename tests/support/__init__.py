"""What tests of several folders need: a real stack of processes, and a small HTTP client."""

"""Tests of the simulator, seen from a merchant's side with code that shares nothing with it."""

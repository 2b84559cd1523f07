"""Buyers' log-in over HTTP."""

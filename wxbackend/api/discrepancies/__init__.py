"""Discrepancies over HTTP."""

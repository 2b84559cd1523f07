"""Transfers to people over HTTP."""

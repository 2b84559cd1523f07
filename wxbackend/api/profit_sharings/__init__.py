"""Profit sharing over HTTP."""

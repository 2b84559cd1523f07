"""Providers' notices over HTTP."""

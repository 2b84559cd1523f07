"""Mandates over HTTP."""

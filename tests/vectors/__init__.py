"""Bytes that others published, through our code."""

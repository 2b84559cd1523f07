"""Whole journeys over loopback: real processes, a real browser, and nobody from outside."""

"""Saved PaymentMethods over HTTP."""

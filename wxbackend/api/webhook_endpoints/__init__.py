"""Webhook endpoints over HTTP."""

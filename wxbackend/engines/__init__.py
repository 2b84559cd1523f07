"""Queues of somebody else that may carry the numbers of due rows; only they import their clients."""

"""Drops what is only kept for a time."""

from __future__ import annotations

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.forget_old import forget_old


def tick(deps: Dependencies) -> int:
    """Always 0: once a while is enough."""
    forget_old(deps)
    return 0

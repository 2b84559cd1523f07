"""Looks at refunds when they are due."""

from __future__ import annotations

from functools import partial

import structlog

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.reconcile_refund import claim_refund_looks, reconcile_refund
from wxbackend.ports.store import Poll
from wxbackend.work.crew import Crew


def tick(deps: Dependencies, crew: Crew) -> int:
    """How many were begun."""
    free = crew.free()
    polls = claim_refund_looks(deps, at_most=free) if free else []
    for poll in polls:
        crew.take(partial(look, deps, poll))
    return len(polls)


def look(deps: Dependencies, poll: Poll) -> None:
    """Look at one that was claimed; a failure is told and goes no further."""
    try:
        reconcile_refund(deps, poll)
    except Exception:  # noqa: BLE001 - one that always fails must not hold up the others
        structlog.get_logger("worker").exception("look_failed", refund_id=poll.item)

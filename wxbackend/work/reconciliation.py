"""Looks at open attempts when they are due."""

from __future__ import annotations

from concurrent.futures import Executor

import structlog

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.reconcile_intent import claim_looks, reconcile_intent
from wxbackend.ports.store import Poll


def tick(deps: Dependencies, executor: Executor) -> int:
    """How many were due."""
    polls = claim_looks(deps)
    list(executor.map(lambda poll: _one(deps, poll), polls))
    return len(polls)


def _one(deps: Dependencies, poll: Poll) -> None:
    try:
        reconcile_intent(deps, poll)
    except Exception:  # noqa: BLE001 - one that always fails must not hold up the others
        # The lease brings it back.
        structlog.get_logger("worker").exception("look_failed", attempt_id=poll.item)

"""Looks at refunds when they are due."""

from __future__ import annotations

from concurrent.futures import Executor

import structlog

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.reconcile_refund import claim_refund_looks, reconcile_refund
from wxbackend.ports.store import Poll


def tick(deps: Dependencies, executor: Executor) -> int:
    """How many were due."""
    polls = claim_refund_looks(deps)
    list(executor.map(lambda poll: _one(deps, poll), polls))
    return len(polls)


def _one(deps: Dependencies, poll: Poll) -> None:
    try:
        reconcile_refund(deps, poll)
    except Exception:  # noqa: BLE001 - one that always fails must not hold up the others
        structlog.get_logger("worker").exception("look_failed", refund_id=poll.item)

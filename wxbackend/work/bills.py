"""Fetches bills when they are due, one after the other: a provider answers few such questions a second."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.plan_bills import claim_bills, plan_bills
from wxbackend.flows.reconcile_bill import reconcile_bill
from wxbackend.work.failing import told


def tick(deps: Dependencies, is_stopping: Callable[[], bool]) -> int:
    """Plan what is ready, then look at what is due; how many that were."""
    if not deps.policy.fetch_bills:
        return 0
    plan_bills(deps)
    done = 0
    while not is_stopping():
        polls = claim_bills(deps, at_most=1)
        if not polls:
            break
        for poll in polls:
            try:
                reconcile_bill(deps, poll.item, tries=poll.tries)
            except Exception as error:  # noqa: BLE001 - one that always fails must not hold up the others
                structlog.get_logger("worker").error("bill_failed_here", bill=poll.item, **told(error))
            done += 1
    return done

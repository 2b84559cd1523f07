"""Looks at transfers to people when they are due."""

from __future__ import annotations

from functools import partial

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.park_failure import went_well
from wxbackend.flows.reconcile_transfer import claim_transfer_looks, reconcile_transfer
from wxbackend.ports.store import Poll, Work
from wxbackend.work.crew import Crew
from wxbackend.work.failing import failed


def tick(deps: Dependencies, crew: Crew) -> int:
    """How many were begun."""
    free = crew.free()
    polls = claim_transfer_looks(deps, at_most=free) if free else []
    for poll in polls:
        crew.take(partial(look, deps, poll))
    return len(polls)


def look(deps: Dependencies, poll: Poll) -> None:
    """Look at one that was claimed; a failure is told and goes no further."""
    try:
        reconcile_transfer(deps, poll)
        went_well(deps, Work.TRANSFER, poll.item)
    except Exception as error:  # noqa: BLE001 - one that always fails must not hold up the others
        failed(deps, Work.TRANSFER, poll.item, error, tries=poll.tries)

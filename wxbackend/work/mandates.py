"""Looks at mandates when they are due."""

from __future__ import annotations

from functools import partial

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.park_failure import went_well
from wxbackend.flows.reconcile_mandate import claim_mandate_looks, reconcile_mandate
from wxbackend.ports.store import Poll, Work
from wxbackend.work.crew import Crew
from wxbackend.work.failing import failed


def tick(deps: Dependencies, crew: Crew) -> int:
    """How many were begun."""
    free = crew.free()
    polls = claim_mandate_looks(deps, at_most=free) if free else []
    for poll in polls:
        crew.take(partial(look, deps, poll))
    return len(polls)


def look(deps: Dependencies, poll: Poll) -> None:
    """Look at one that was claimed; a failure is told and goes no further."""
    try:
        reconcile_mandate(deps, poll)
        went_well(deps, Work.MANDATE, poll.item)
    except Exception as error:  # noqa: BLE001 - one that always fails must not hold up the others
        failed(deps, Work.MANDATE, poll.item, error, tries=poll.tries)

"""Looks at shippings when they are due, and now and then at WeChat's own list of what it waits for."""

from __future__ import annotations

from functools import partial
from typing import Final

from wxbackend.flows.catch_up_shipping import LEASE_S, catch_up_shipping
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.look_at_shipping import claim_shipping_looks, look_at_shipping
from wxbackend.flows.park_failure import went_well
from wxbackend.ports.store import Poll, Work
from wxbackend.work.crew import Crew
from wxbackend.work.failing import failed

FIRST_AFTER_S: Final = 1_800
"""After its start a worker has more urgent things to do."""


def tick(deps: Dependencies, crew: Crew) -> int:
    """How many were begun."""
    free = crew.free()
    polls = claim_shipping_looks(deps, at_most=free) if free else []
    for poll in polls:
        crew.take(partial(look, deps, poll))
    return len(polls)


def look(deps: Dependencies, poll: Poll) -> None:
    """Look at one that was claimed; a failure is told and goes no further."""
    try:
        look_at_shipping(deps, poll)
        went_well(deps, Work.SHIPPING, poll.item)
    except Exception as error:  # noqa: BLE001 - one that always fails must not hold up the others
        failed(deps, Work.SHIPPING, poll.item, error, tries=poll.tries)


class CatchUp:
    """When WeChat's list is asked for next; which process does it is agreed upon."""

    def __init__(self) -> None:
        self._due_ms: int | None = None

    def tick(self, deps: Dependencies) -> int:
        """Always 0: nothing waits behind it."""
        now_ms = deps.surroundings.now_ms()
        if self._due_ms is None:
            self._due_ms = now_ms + FIRST_AFTER_S * 1000
        if now_ms < self._due_ms:
            return 0
        self._due_ms = now_ms + LEASE_S * 1000
        for app in deps.accounts.shipping_apps():
            catch_up_shipping(deps, app, holder=deps.surroundings.nonce())
        return 0

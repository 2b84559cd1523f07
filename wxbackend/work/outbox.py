"""Delivers events when they are due; an endpoint that hangs keeps no other endpoint waiting."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from wxbackend.domain.errors import DatabaseAway
from wxbackend.flows.deliver_events import (
    Tried,
    cancel_deliveries,
    claim_deliveries,
    find_reachable,
    note_tries,
    try_delivery,
)
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Delivery, Work
from wxbackend.work.crew import Crew
from wxbackend.work.failing import failed
from wxbackend.work.lanes import Lanes

HANDS: Final = 32
CARRY_SHARE_OF_LEASE: Final = 20
CARRY_MS_MAX: Final = 1_500
"""After a twentieth of the lease, or this, a hand begins no other delivery of its load: what came of a try is noted
soon, and an endpoint that is disabled meanwhile is told nothing more soon."""


class Outbox:
    """The deliveries that are under way, by endpoint."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._lanes = Lanes(HANDS)

    def tick(self, deps: Dependencies) -> int:
        """How many hands began. A slow endpoint keeps a few hands busy at the most."""
        free = self._crew.free()
        if not free:
            return 0
        self._lanes.open_round()
        loads = claim_deliveries(deps, at_most=free, room=self._lanes.room, load=self._lanes.load)
        for load in loads:
            self._lanes.begin(load[0].endpoint_id)
            self._crew.take(partial(_one, deps, load, self._lanes))
        return len(loads)


def _one(deps: Dependencies, load: Sequence[Delivery], lanes: Lanes) -> None:
    well = False
    try:
        well = carry(deps, load)
    finally:
        lanes.end(load[0].endpoint_id, well=well)


def carry(deps: Dependencies, load: Sequence[Delivery]) -> bool:
    """Try claimed deliveries to one endpoint, one after the other, until one does not arrive or time is up.

    What is left then is due again at once. Whether the last try arrived; a failure is told and goes no further.
    """
    ended: list[Tried] = []
    left = list(load)
    try:
        endpoint, why_not = find_reachable(deps, load[0].endpoint_id)
        if endpoint is None:
            cancel_deliveries(deps, load, reason=why_not)
            for delivery in load:
                _tell(deps, delivery, delivered=False, result=why_not)
            return False
        until_ms = deps.surroundings.now_ms() + min(CARRY_MS_MAX, deps.policy.lease_ms // CARRY_SHARE_OF_LEASE)
        while left:
            ended.append(try_delivery(deps, left[0], endpoint))
            left.pop(0)
            if not ended[-1].outcome.delivered or deps.surroundings.now_ms() >= until_ms:
                break
    except Exception as error:  # noqa: BLE001 - one that always fails must not hold up the others
        _failed(deps, left.pop(0), error)
        _note(deps, ended, left)
        return False
    _note(deps, ended, left)
    return ended[-1].outcome.delivered


def _note(deps: Dependencies, ended: Sequence[Tried], left: Sequence[Delivery]) -> None:
    """All at once; when that cannot be, each alone, so that one that always fails keeps no other from being noted."""
    if not ended and not left:
        return
    try:
        note_tries(deps, ended, untried=left)
    except Exception as error:  # noqa: BLE001 - as above
        for tried in ended:
            if len(ended) == 1 or isinstance(error, DatabaseAway):
                _failed(deps, tried.delivery, error)
            else:
                _note(deps, [tried], ())
        return
    for tried in ended:
        _tell(deps, tried.delivery, delivered=tried.outcome.delivered, result=tried.outcome.reason)


def _failed(deps: Dependencies, delivery: Delivery, error: Exception) -> None:
    failed(deps, Work.DELIVERY, delivery.id, error, tries=delivery.tries)
    deps.counting.delivery(result="failed here")


def _tell(deps: Dependencies, delivery: Delivery, *, delivered: bool, result: str) -> None:
    deps.counting.delivery(result="delivered" if delivered else result)
    structlog.get_logger("worker").info(
        "event_delivered" if delivered else "event_not_delivered",
        event_id=delivery.event_id,
        endpoint=delivery.endpoint_id,
        tries=delivery.tries + 1,
        result=result,
    )

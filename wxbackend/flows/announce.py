"""What a step makes true beside itself: rows of the journal and events in the outbox, in the same unit."""

from __future__ import annotations

from typing import Any

import orjson

from wxbackend.domain import representation
from wxbackend.domain.event import Event, EventType
from wxbackend.domain.ledger import Transfer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_endpoint import listeners
from wxbackend.ports.store import BookedTransfer, Unit


def expect(unit: Unit, account: str, *, livemode: bool) -> None:
    """Say that this unit is going to emit an event, so that its listeners are asked for together with other things."""
    unit.endpoints.expect_of_account(account, livemode=livemode)


def book(unit: Unit, deps: Dependencies, moved: tuple[Transfer, ...], *, account: str, livemode: bool) -> None:
    """Append to the journal what a step moved."""
    for transfer in moved:
        row = BookedTransfer(deps.surroundings.new_id(), deps.surroundings.now_ms(), transfer)
        unit.ledger.book(account, livemode=livemode, booked=row)


def emit(
    unit: Unit,
    deps: Dependencies,
    kind: EventType,
    subject_id: int,
    subject: dict[str, Any],
    *,
    account: str,
    livemode: bool,
) -> None:
    """Freeze an event as bytes and put it into the outbox."""
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    body = orjson.dumps(
        representation.event(number=number, type_name=kind.value, created_ms=now_ms, livemode=livemode, subject=subject)
    )
    endpoints = [each for each in listeners(unit, deps, account, livemode=livemode) if each.wants(kind)]
    unit.events.insert(
        Event(number, account, livemode, kind, now_ms, subject_id, body),
        endpoint_ids=[endpoint.id for endpoint in endpoints],
        delivery_ids=[deps.surroundings.new_id() for _ in endpoints],
    )

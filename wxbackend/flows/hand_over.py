"""See which rows are due, and what became of those that were handed over; the rows stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Due, Kind


def find_waiting(deps: Dependencies, kind: Kind, items: Collection[int]) -> Mapping[int, Due]:
    """Those of the rows that still wait for something."""
    if not items:
        return {}
    return {due.item: due for due in deps.store.read(lambda unit: unit.handover.waiting(kind, items))}


def find_due(
    deps: Dependencies, kind: Kind, *, at_most: int, besides: Collection[int], room: Callable[[str], int] | None
) -> list[Due]:
    """Rows that are due and not among `besides`."""
    now_ms = deps.surroundings.now_ms()
    return list(
        deps.store.read(lambda unit: unit.handover.due(kind, now_ms=now_ms, limit=at_most, besides=besides, room=room))
    )

"""Ask about every unfinished order and refund now: for the hour after a restore, when the plans are of another time."""

from __future__ import annotations

from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Unit


def look_again(deps: Dependencies) -> int:
    """Make all planned looks due; how many. The workers then ask at their usual pace."""
    now_ms = deps.surroundings.now_ms()

    def hurry(unit: Unit) -> int:
        return unit.attempts.hurry(due_ms=now_ms) + unit.refunds.hurry(due_ms=now_ms)

    return deps.store.write(hurry)

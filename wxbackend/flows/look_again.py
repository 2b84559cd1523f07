"""Ask about everything unfinished now: for the hour after a restore, when the plans are of another time."""

from __future__ import annotations

from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Unit


def look_again(deps: Dependencies) -> int:
    """Make all planned looks due; how many. The workers then ask at their usual pace."""
    now_ms = deps.surroundings.now_ms()

    def hurry(unit: Unit) -> int:
        queues = (
            unit.attempts,
            unit.refunds,
            unit.merchant_transfers,
            unit.sharing_looks,
            unit.mandates,
            unit.shippings,
        )
        return sum(queue.hurry(due_ms=now_ms) for queue in queues)

    return deps.store.write(hurry)

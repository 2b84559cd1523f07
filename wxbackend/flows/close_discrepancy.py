"""A discrepancy is closed once, for one reason, and the merchant hears of it in the unit that closed it."""

from __future__ import annotations

from wxbackend.domain import representation
from wxbackend.domain.discrepancy import DiscrepancyState
from wxbackend.domain.event import EventType
from wxbackend.flows import announce
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Unit


def close(
    unit: Unit, deps: Dependencies, discrepancy_id: int, *, state: DiscrepancyState, note: str | None = None
) -> bool:
    """Whether it was open until now."""
    now_ms = deps.surroundings.now_ms()
    if not unit.discrepancies.close(discrepancy_id, state=state, note=note, now_ms=now_ms):
        return False
    kept = unit.discrepancies.find(discrepancy_id)
    assert kept is not None, "it was closed in this unit"
    announce.emit(
        unit,
        deps,
        EventType.DISCREPANCY_RESOLVED,
        kept.id,
        representation.kept_discrepancy(kept),
        account=kept.account,
        livemode=kept.livemode,
    )
    return True

"""What people do with discrepancies: look through them, and say of one that it is dealt with, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from wxbackend.domain import ids
from wxbackend.domain.discrepancy import DiscrepancyState, KeptDiscrepancy
from wxbackend.domain.errors import NotFound
from wxbackend.flows import close_discrepancy
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Page, Unit


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which discrepancies; None leaves a thing open."""

    is_open: bool | None = None
    kind: str | None = None
    day: str | None = None
    intent_id: int | None = None


def find_discrepancy(deps: Dependencies, actor: Actor, discrepancy_id: int) -> KeptDiscrepancy:
    """One of them."""
    return deps.store.read(lambda unit: _load(unit, actor, discrepancy_id))


def list_discrepancies(
    deps: Dependencies, actor: Actor, page: Page, wanted: Wanted
) -> tuple[Sequence[KeptDiscrepancy], bool]:
    """A page, newest first, and whether there are more in that direction."""
    found = deps.store.read(
        lambda unit: unit.discrepancies.page(
            actor.account,
            livemode=actor.livemode,
            page=page,
            is_open=wanted.is_open,
            kind=wanted.kind,
            day=wanted.day,
            intent_id=wanted.intent_id,
        )
    )
    return page.cut(found)


def resolve_discrepancy(
    deps: Dependencies, actor: Actor, discrepancy_id: int, note: str, *, once: Once = Once()
) -> KeptDiscrepancy:
    """It is dealt with. What is resolved already stays as it is, with the note and the moment of the first time."""

    def work(unit: Unit) -> tuple[KeptDiscrepancy, bool]:
        _load(unit, actor, discrepancy_id)
        claim(unit, deps, once, object_id=discrepancy_id)
        closed = close_discrepancy.close(unit, deps, discrepancy_id, state=DiscrepancyState.SETTLED, note=note)
        return _load(unit, actor, discrepancy_id), closed

    kept, closed = deps.store.write(work)
    structlog.get_logger("audit").info(
        "discrepancy_resolved" if closed else "discrepancy_was_resolved",
        discrepancy=ids.render(ids.DISCREPANCY, kept.id),
        account=actor.account,
        kind=kept.found.kind.value,
    )
    return kept


def _load(unit: Unit, actor: Actor, discrepancy_id: int) -> KeptDiscrepancy:
    kept = unit.discrepancies.find(discrepancy_id)
    if kept is None or kept.account != actor.account or kept.livemode != actor.livemode:
        named = ids.render(ids.DISCREPANCY, discrepancy_id)
        raise NotFound(f"No such discrepancy: {named}.", code="resource_missing", param="id")
    return kept

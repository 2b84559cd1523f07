"""Read refunds: one, or a page of them, always within the key's account and mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wxbackend.domain import ids
from wxbackend.domain.errors import NotFound
from wxbackend.domain.refund import PUBLIC_STATUS, Refund
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import Once, claim
from wxbackend.flows.update_intent import merged_metadata
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Page, Unit


def find_refund(deps: Dependencies, actor: Actor, refund_id: int) -> Refund:
    """The refund."""
    return deps.store.read(lambda unit: load(unit, actor, refund_id))


def list_refunds(
    deps: Dependencies, actor: Actor, page: Page, *, intent_id: int | None, status: str | None = None
) -> tuple[Sequence[Refund], bool]:
    """A page, newest first, and whether there are more in that direction."""
    states = None if status is None else [state for state, shown in PUBLIC_STATUS.items() if shown == status]
    found = deps.store.read(
        lambda unit: unit.refunds.page(
            actor.account, livemode=actor.livemode, page=page, intent_id=intent_id, states=states
        )
    )
    return page.cut(found)


def update_refund(
    deps: Dependencies, actor: Actor, refund_id: int, metadata: dict[str, str], *, once: Once = Once()
) -> Refund:
    """Change its metadata, the only thing of a refund that can be changed."""

    def work(unit: Unit) -> Refund:
        seen = load(unit, actor, refund_id)
        claim(unit, deps, once, object_id=refund_id)
        unit.intents.lock(seen.intent_id)
        refund = load(unit, actor, refund_id)
        changed = replace(refund, metadata=merged_metadata(refund.metadata, metadata))
        unit.refunds.save(changed)
        return changed

    return deps.store.write(work)


def load(unit: Unit, actor: Actor, refund_id: int) -> Refund:
    """The refund, if it belongs to the key's account and mode."""
    refund = unit.refunds.find(refund_id)
    if refund is None or refund.account != actor.account or refund.livemode != actor.livemode:
        raise NotFound(f"No such refund: {ids.render(ids.REFUND, refund_id)}.", code="resource_missing", param="id")
    return refund

"""Read shippings: the one of a payment, a page of them, or what WeChat waits for most urgently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wxbackend.domain import ids
from wxbackend.domain.errors import NotFound
from wxbackend.domain.shipping import PUBLIC_STATUS, WARN_BEFORE_MS, Shipping
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_intent import load
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Page, Unit

LATE_SHOWN_MAX: Final = 1_000
HOUR_MS: Final = 3_600_000


def find_shipping(deps: Dependencies, actor: Actor, intent_id: int) -> Shipping:
    """The shipping of a payment."""

    def look(unit: Unit) -> Shipping:
        intent = load(unit, actor, intent_id)
        found = unit.shippings.of_intent(intent.id)
        if found is None:
            raise NotFound(
                "Nothing is shipped for this PaymentIntent: it is not paid, or WeChat does not wait for it.",
                code="resource_missing",
                param="id",
            )
        return found

    return deps.store.read(look)


def list_shippings(
    deps: Dependencies, actor: Actor, page: Page, *, status: str | None, overdue: bool
) -> tuple[Sequence[Shipping], bool]:
    """A page, newest first, and whether there are more; `overdue` ones have a day left at the most."""
    states = [state for state, public in PUBLIC_STATUS.items() if public == status]
    ship_before_ms = deps.surroundings.now_ms() + WARN_BEFORE_MS if overdue else None
    found = deps.store.read(
        lambda unit: unit.shippings.page(
            actor.account, livemode=actor.livemode, page=page, states=states, ship_before_ms=ship_before_ms
        )
    )
    return page.cut(found)


def list_late(deps: Dependencies) -> Sequence[Shipping]:
    """What has a day left at the most, of all accounts, the most urgent first."""
    before_ms = deps.surroundings.now_ms() + WARN_BEFORE_MS
    return deps.store.read(lambda unit: unit.shippings.late(ship_before_ms=before_ms, limit=LATE_SHOWN_MAX))


def urgency(deps: Dependencies, shipping: Shipping) -> dict[str, str | int]:
    """What an operator has to know of one that waits; hours below zero are hours too late."""
    left_ms = shipping.ship_by_ms - deps.surroundings.now_ms()
    return {
        "payment_intent": ids.render(ids.INTENT, shipping.intent_id),
        "account": shipping.account,
        "status": PUBLIC_STATUS[shipping.state],
        "failure": shipping.failure or "-",
        "hours_left": left_ms // HOUR_MS,
        "amount_frozen": shipping.frozen,
        "currency": shipping.money.currency,
    }

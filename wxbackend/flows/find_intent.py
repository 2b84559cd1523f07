"""Read intents: one, a page of them, always within the key's account and mode."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from wxbackend.domain import ids
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import InvalidRequest, NotFound
from wxbackend.domain.intent import PaymentIntent
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import Page, Unit


def load(
    unit: Unit, actor: Actor, intent_id: int, *, client_secret: str | None = None, lock: bool = False
) -> PaymentIntent:
    """The intent, if the key may see it. A publishable key needs the intent's client secret."""
    intent = unit.intents.lock(intent_id) if lock else unit.intents.find(intent_id)
    return check(intent, actor, intent_id, client_secret=client_secret)


def check(intent: PaymentIntent | None, actor: Actor, intent_id: int, *, client_secret: str | None) -> PaymentIntent:
    """The intent again, if there is one and the key may see it."""
    name = ids.render(ids.INTENT, intent_id)
    if intent is None or intent.account != actor.account:
        raise NotFound(f"No such payment_intent: {name}.", code="resource_missing", param="id")
    if intent.livemode != actor.livemode:
        theirs, yours = ("live", "test") if intent.livemode else ("test", "live")
        raise NotFound(
            f"No such payment_intent: {name}; it exists in {theirs} mode, but the key is a {yours} mode key.",
            code="livemode_mismatch",
            param="id",
        )
    if actor.kind is KeyKind.PUBLISHABLE:
        _check_secret(intent, client_secret)
    return intent


def _check_secret(intent: PaymentIntent, client_secret: str | None) -> None:
    if not client_secret:
        raise InvalidRequest(
            "A publishable key needs the intent's client_secret (header Client-Secret).",
            code="parameter_missing",
            param="client_secret",
        )
    if not hmac.compare_digest(client_secret.encode(), intent.client_secret.encode()):
        raise InvalidRequest(
            "The client_secret does not belong to this PaymentIntent.",
            code="parameter_invalid",
            param="client_secret",
        )


def find_intent(
    deps: Dependencies, actor: Actor, intent_id: int, *, client_secret: str | None = None
) -> tuple[PaymentIntent, Attempt | None]:
    """The intent and its current attempt."""
    found = deps.store.look(lambda unit: unit.intents.shown(intent_id))
    intent = None if found is None else found[0]
    allowed = check(intent, actor, intent_id, client_secret=client_secret)
    return allowed, None if found is None else found[1]


def find_intent_by_owner(deps: Dependencies, intent_id: int) -> tuple[PaymentIntent, Attempt | None]:
    """The intent that an idempotency key of its owner points to, so the key needs no second check."""
    found = deps.store.look(lambda unit: unit.intents.shown(intent_id))
    assert found is not None, "an idempotency key is claimed in the unit that stores its object"
    return found


def list_intents(
    deps: Dependencies, actor: Actor, page: Page
) -> tuple[Sequence[tuple[PaymentIntent, Attempt | None]], bool]:
    """A page, newest first, and whether there are more in that direction."""
    found = deps.store.read(lambda unit: unit.intents.page(actor.account, livemode=actor.livemode, page=page))
    return page.cut(found)

"""Change what a PaymentIntent says. The amount is frozen while an order of it may be paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wxbackend.domain import lifecycle
from wxbackend.domain.errors import Conflict, InvalidRequest
from wxbackend.domain.intent import METADATA_NAMES_MAX, PaymentIntent, PaymentMethod
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.money import Money
from wxbackend.flows import settle
from wxbackend.flows.confirm_intent import Shown
from wxbackend.flows.create_intent import require_collectable
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_intent import load
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class Update:
    """What to change: `texts` are columns by name, None unsets; an empty metadata value unsets its key."""

    amount: int | None = None
    currency: str | None = None
    texts: Mapping[str, str | None] = field(default_factory=dict)
    metadata: Mapping[str, str] | None = None
    method: PaymentMethod | None = None


def update_intent(deps: Dependencies, actor: Actor, intent_id: int, command: Update, *, once: Once = Once()) -> Shown:
    """Change it; metadata may be changed at any time, the rest while it is not final."""

    def work(unit: Unit) -> Shown:
        was = load(unit, actor, intent_id, lock=True)
        claim(unit, deps, once, object_id=was.id)
        attempt = unit.attempts.find(was.attempt_id) if was.attempt_id else None
        intent = replace(was, metadata=merged_metadata(was.metadata, command.metadata))
        if command.texts or command.method or command.amount or command.currency:
            lifecycle.require_changeable(was)
            intent = _with_texts(intent, command.texts)
            intent = _with_money(unit, deps, actor, intent, command)
        if command.method is not None:
            intent = lifecycle.name_method(intent, command.method).intent
        step = settle.keep(unit, deps, Step(intent), was=was)
        return Shown(step.intent, attempt)

    return deps.store.write(work)


def _with_texts(intent: PaymentIntent, texts: Mapping[str, str | None]) -> PaymentIntent:
    return replace(
        intent,
        description=texts.get("description", intent.description),
        merchant_order_id=texts.get("merchant_order_id", intent.merchant_order_id),
        merchant_user_id=texts.get("merchant_user_id", intent.merchant_user_id),
        customer=texts.get("customer", intent.customer),
        return_url=texts.get("return_url", intent.return_url),
    )


def _with_money(unit: Unit, deps: Dependencies, actor: Actor, intent: PaymentIntent, command: Update) -> PaymentIntent:
    if command.amount is None and command.currency is None:
        return intent
    money = Money(command.amount or intent.money.amount, command.currency or intent.money.currency)
    if money == intent.money:
        return intent
    if unit.attempts.unresolved(intent.id) is not None:
        raise Conflict(
            "The amount can't be changed while an order of this PaymentIntent may still be paid. "
            "Cancel it and create another.",
            code="payment_intent_unexpected_state",
            param="amount",
        )
    require_collectable(deps, actor, money)
    return replace(intent, money=money)


def merged_metadata(present: Mapping[str, str], change: Mapping[str, str] | None) -> Mapping[str, str]:
    """Metadata after a change: an empty value unsets its name, an empty change unsets all."""
    if change is None:
        return present
    if not change:
        return {}
    merged = {name: value for name, value in (dict(present) | dict(change)).items() if value != ""}
    if len(merged) > METADATA_NAMES_MAX:
        raise InvalidRequest(
            f"metadata would have {len(merged)} names; {METADATA_NAMES_MAX} are the most. Unset some in the same call.",
            code="parameter_too_long",
            param="metadata",
        )
    return merged

"""The one door for shippings: every observation about one comes through here, whoever heard it.

It books what is frozen at WeChat and what gets free. Nothing of it moves money at the provider: these rows say how much
of it the shop cannot take yet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from wxbackend.domain import ledger, representation, shipping_lifecycle
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.refund import Refund
from wxbackend.domain.shipping import (
    BEING_TOLD,
    DESCRIPTION_CHARACTERS_MAX,
    FINAL,
    SHIP_WITHIN_MS,
    Logistics,
    OrderShipping,
    Parcel,
    Shipping,
    Telling,
)
from wxbackend.domain.shipping_lifecycle import ShippingObservation
from wxbackend.flows import announce
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Unit

BY_ITSELF: Final = {OrderShipping.VIRTUAL: Logistics.VIRTUAL, OrderShipping.PICK_UP: Logistics.PICK_UP}
UNASKED_EVERY_S: Final = 43_200
"""How often WeChat is asked about an order that nothing was heard of: it may have been shipped in the console."""


def begin(unit: Unit, deps: Dependencies, intent: PaymentIntent, attempt: Attempt) -> Shipping | None:
    """Wait for the goods of a payment that has just arrived; None where WeChat's order management does not watch."""
    app = deps.accounts.app(attempt.app)
    if app is None or app.order_shipping is None or attempt.transaction is None:
        return None
    now_ms = deps.surroundings.now_ms()
    paid_ms = attempt.paid_ms or now_ms
    shipping = Shipping(
        id=deps.surroundings.new_id(),
        intent_id=intent.id,
        attempt_id=attempt.id,
        account=intent.account,
        livemode=intent.livemode,
        app=attempt.app,
        provider=attempt.provider,
        merchant=attempt.merchant,
        transaction=attempt.transaction,
        out_trade_no=attempt.out_trade_no,
        payer=attempt.payer,
        money=intent.money,
        frozen=intent.amount_received,
        paid_ms=paid_ms,
        created_ms=now_ms,
        ship_by_ms=paid_ms + SHIP_WITHIN_MS,
        group_id=attempt.group_id,
    )
    logistics = BY_ITSELF.get(app.order_shipping)
    if logistics is not None:
        parcel = Parcel(attempt.description[:DESCRIPTION_CHARACTERS_MAX])
        telling = Telling(logistics, split=False, complete=True, parcels=(parcel,))
        shipping = shipping_lifecycle.tell(shipping, telling, now_ms=now_ms)
    unit.shippings.insert(shipping)
    _plan_look(unit, deps, shipping, tries=0)
    _book(unit, deps, ledger.of_frozen(shipping), shipping)
    return shipping


def keep_telling(unit: Unit, deps: Dependencies, was: Shipping, shipping: Shipping) -> Shipping:
    """Store what is about to be told by who holds it; the worker takes it up if that one dies."""
    unit.shippings.save(shipping, was=was)
    unit.shippings.schedule(shipping.id, due_ms=deps.surroundings.now_ms() + deps.policy.lease_ms, tries=0)
    return replace(shipping, version=shipping.version + 1)


def note_reminder(unit: Unit, deps: Dependencies, shipping_id: int) -> Shipping:
    """Note that the buyer was reminded."""
    was = lock(unit, shipping_id)
    shipping = replace(was, reminded_ms=deps.surroundings.now_ms())
    unit.shippings.save(shipping, was=was)
    return replace(shipping, version=shipping.version + 1)


def settle_shipping(
    unit: Unit, deps: Dependencies, shipping_id: int, observation: ShippingObservation, *, looks: int | None = None
) -> Shipping:
    """What the shipping is after the observation; stored, booked and announced in one unit."""
    was = lock(unit, shipping_id)
    step = shipping_lifecycle.advance(was, observation)
    shipping = step.shipping
    if shipping != was:
        unit.shippings.save(shipping, was=was)
        shipping = replace(shipping, version=shipping.version + 1)
    _book(unit, deps, ledger.of_freed(was, shipping), shipping)
    if shipping.state is not was.state:
        _plan_look(unit, deps, shipping, tries=0)
    elif looks is not None:
        _plan_look(unit, deps, shipping, tries=looks)
    for kind in step.events:
        _announce(unit, deps, kind, shipping)
    return shipping


def refunded(unit: Unit, deps: Dependencies, refund: Refund) -> None:
    """What went back to the buyer is not frozen any more; its intent is locked."""
    was = unit.shippings.of_intent(refund.intent_id)
    if was is None or was.attempt_id != refund.attempt_id or was.frozen == 0:
        return
    shipping = replace(was, frozen=was.frozen - min(was.frozen, refund.money.amount))
    unit.shippings.save(shipping, was=was)
    _book(unit, deps, ledger.of_thawed_refund(refund, was.frozen - shipping.frozen), shipping)


def lock(unit: Unit, shipping_id: int) -> Shipping:
    """A shipping is changed under its intent's lock, as a payment and its refunds are."""
    unlocked = unit.shippings.find(shipping_id)
    assert unlocked is not None, "an observation about a shipping that was never recorded"
    unit.intents.lock(unlocked.intent_id)
    shipping = unit.shippings.find(shipping_id)
    assert shipping is not None
    return shipping


def _plan_look(unit: Unit, deps: Dependencies, shipping: Shipping, *, tries: int) -> None:
    if shipping.state in FINAL:
        unit.shippings.unschedule(shipping.id)
        return
    pauses_s = deps.policy.shipping_again_after_s
    pause_s = pauses_s[min(tries, len(pauses_s) - 1)] if shipping.state in BEING_TOLD else UNASKED_EVERY_S
    unit.shippings.schedule(shipping.id, due_ms=deps.surroundings.now_ms() + round(pause_s * 1000), tries=tries)


def _book(unit: Unit, deps: Dependencies, moved: tuple[ledger.Transfer, ...], shipping: Shipping) -> None:
    announce.book(unit, deps, moved, account=shipping.account, livemode=shipping.livemode)


def _announce(unit: Unit, deps: Dependencies, kind: EventType, shipping: Shipping) -> None:
    account, livemode = shipping.account, shipping.livemode
    if kind is EventType.INTENT_SETTLED:
        intent = unit.intents.find(shipping.intent_id)
        assert intent is not None
        subject = representation.payment_intent(intent, unit.attempts.find(shipping.attempt_id))
        announce.emit(unit, deps, kind, intent.id, subject, account=account, livemode=livemode)
        return
    subject = representation.shipping(shipping)
    announce.emit(unit, deps, kind, shipping.id, subject, account=account, livemode=livemode)

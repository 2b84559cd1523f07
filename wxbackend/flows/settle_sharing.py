"""The one door for sharings and returns: every observation about one comes through here, whoever heard it.

All of an order's money is decided under the lock of its intent.
"""

from __future__ import annotations

from dataclasses import replace

from wxbackend.domain import refund_lifecycle, sharing_ledger, sharing_lifecycle, sharing_representation
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.observation import Pending
from wxbackend.domain.profit_sharing import (
    RETURN_UNSENT,
    SHARING_UNSENT,
    ProfitSharing,
    SharingReturn,
)
from wxbackend.domain.refund import Origin
from wxbackend.domain.sharing_lifecycle import OrderMoney, ReturnStep, SharingStep
from wxbackend.domain.sharing_observation import ReturnObservation, ReturnSucceeded, SharingObservation
from wxbackend.flows import announce
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.look_schedule import next_sharing_look_ms
from wxbackend.ports.store import Unit


def order_money(unit: Unit, intent: PaymentIntent, attempt_id: int) -> OrderMoney:
    """All that was asked for of the order's money; the intent is locked."""
    refunds = [each for each in unit.refunds.of_attempt(attempt_id) if each.origin is Origin.MERCHANT]
    sharings = unit.profit_sharings.of_attempt(attempt_id)
    returns = unit.sharing_returns.of_sharings([each.id for each in sharings])
    refunded = intent.amount_received - refund_lifecycle.remaining_amount(intent, refunds)
    return OrderMoney(intent.amount_received, refunded, sharings, returns)


def begin(unit: Unit, deps: Dependencies, step: SharingStep) -> ProfitSharing:
    """Store a new sharing, its amounts reserved, before it is sent; the worker takes it up if nobody else does."""
    sharing = step.sharing
    unit.profit_sharings.insert(sharing)
    unit.sharing_looks.schedule(sharing.id, due_ms=sharing.created_ms + deps.policy.lease_ms, tries=0)
    moved = sharing_ledger.of_sharing(sharing, None)
    announce.book(unit, deps, moved, account=sharing.account, livemode=sharing.livemode)
    _announce(unit, deps, step)
    return sharing


def begin_return(unit: Unit, deps: Dependencies, step: ReturnStep) -> SharingReturn:
    """Store a new return before it is sent."""
    returned = step.returned
    unit.sharing_returns.insert(returned)
    unit.sharing_looks.schedule(returned.id, due_ms=returned.created_ms + deps.policy.lease_ms, tries=0)
    _announce_return(unit, deps, step)
    return returned


def resend(unit: Unit, deps: Dependencies, sharing_id: int, *, now_ms: int) -> ProfitSharing | None:
    """Note that the same sharing is sent again; None when something was heard of it since it was read."""
    sharing = lock(unit, sharing_id)
    if sharing.state not in SHARING_UNSENT:
        return None
    unit.sharing_looks.schedule(sharing_id, due_ms=now_ms + deps.policy.lease_ms, tries=0)
    return unit.profit_sharings.save(replace(sharing, sent_ms=now_ms), was=sharing)


def resend_return(unit: Unit, deps: Dependencies, return_id: int, *, now_ms: int) -> SharingReturn | None:
    """The same for a return."""
    returned = lock_return(unit, return_id)
    if returned.state not in RETURN_UNSENT:
        return None
    unit.sharing_looks.schedule(return_id, due_ms=now_ms + deps.policy.lease_ms, tries=0)
    return unit.sharing_returns.save(replace(returned, sent_ms=now_ms), was=returned)


def settle_sharing(
    unit: Unit, deps: Dependencies, sharing_id: int, observation: SharingObservation, *, looks: int | None = None
) -> ProfitSharing:
    """What the sharing is after the observation; stored, booked and announced in one unit."""
    was = lock(unit, sharing_id)
    step = sharing_lifecycle.advance(was, observation, now_ms=deps.surroundings.now_ms())
    sharing = unit.profit_sharings.save(step.sharing, was=was)
    moved = sharing_ledger.of_sharing(sharing, was)
    announce.book(unit, deps, moved, account=sharing.account, livemode=sharing.livemode)
    tries = 0 if sharing.state is not was.state else looks
    _plan_look(unit, deps, sharing.id, tries=tries, unresolved=sharing.is_unresolved(),
               unsent=sharing.state in SHARING_UNSENT)  # fmt: skip
    _announce(unit, deps, SharingStep(sharing, step.events))
    return sharing


def settle_return(
    unit: Unit, deps: Dependencies, return_id: int, observation: ReturnObservation, *, looks: int | None = None
) -> SharingReturn:
    """What the return is after the observation; stored, booked and announced in one unit."""
    was = lock_return(unit, return_id)
    if isinstance(observation, ReturnSucceeded) and observation.amount != was.money.amount:
        observation = Pending("returned with another amount")
    step = sharing_lifecycle.advance_return(was, observation)
    returned = unit.sharing_returns.save(step.returned, was=was)
    moved = sharing_ledger.of_return(returned, was.state)
    announce.book(unit, deps, moved, account=returned.account, livemode=returned.livemode)
    tries = 0 if returned.state is not was.state else looks
    _plan_look(unit, deps, returned.id, tries=tries, unresolved=returned.is_unresolved(),
               unsent=returned.state in RETURN_UNSENT)  # fmt: skip
    _announce_return(unit, deps, ReturnStep(returned, step.events))
    return returned


def lock(unit: Unit, sharing_id: int) -> ProfitSharing:
    """Read a sharing under its intent's lock."""
    unlocked = unit.profit_sharings.find(sharing_id)
    assert unlocked is not None, "an observation about a sharing that was never recorded"
    unit.intents.lock(unlocked.intent_id)
    sharing = unit.profit_sharings.find(sharing_id)
    assert sharing is not None
    return sharing


def lock_return(unit: Unit, return_id: int) -> SharingReturn:
    """Read a return under its intent's lock."""
    unlocked = unit.sharing_returns.find(return_id)
    assert unlocked is not None, "an observation about a return that was never recorded"
    unit.intents.lock(unlocked.intent_id)
    returned = unit.sharing_returns.find(return_id)
    assert returned is not None
    return returned


def _plan_look(unit: Unit, deps: Dependencies, item: int, *, tries: int | None, unresolved: bool, unsent: bool) -> None:
    if not unresolved:
        unit.sharing_looks.unschedule(item)
        return
    if tries is None:
        return
    due_ms = next_sharing_look_ms(
        unsent=unsent,
        tries=tries,
        now_ms=deps.surroundings.now_ms(),
        look_after_s=deps.policy.refund_look_after_s,
    )
    unit.sharing_looks.schedule(item, due_ms=due_ms, tries=tries)


def _announce(unit: Unit, deps: Dependencies, step: SharingStep) -> None:
    sharing = step.sharing
    for kind in step.events:
        subject = sharing_representation.profit_sharing(sharing)
        announce.emit(unit, deps, kind, sharing.id, subject, account=sharing.account, livemode=sharing.livemode)


def _announce_return(unit: Unit, deps: Dependencies, step: ReturnStep) -> None:
    returned = step.returned
    for kind in step.events:
        subject = sharing_representation.sharing_return(returned)
        announce.emit(unit, deps, kind, returned.id, subject, account=returned.account, livemode=returned.livemode)

"""The one door for refunds: every observation about one comes through here, whoever heard it."""

from __future__ import annotations

from dataclasses import replace

from wxbackend.domain import ledger, refund_lifecycle, representation
from wxbackend.domain.discrepancy import DiscrepancyState
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.observation import RefundObservation
from wxbackend.domain.refund import UNSENT, Refund, RefundState
from wxbackend.domain.refund_lifecycle import RefundStep
from wxbackend.flows import announce, close_discrepancy, settle_shipping
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.look_schedule import next_refund_look_ms
from wxbackend.ports.store import Unit


def begin(unit: Unit, deps: Dependencies, step: RefundStep) -> Refund:
    """Store a new refund, its amount reserved: the worker takes it up when its turn comes, or when its sender died."""
    refund = step.refund
    unit.refunds.insert(refund)
    due_ms = refund.sent_ms if refund.state is RefundState.QUEUED else refund.created_ms + deps.policy.lease_ms
    unit.refunds.schedule(refund.id, due_ms=due_ms, tries=0)
    moved = ledger.of_refund(refund, None)
    announce.book(unit, deps, moved, account=refund.account, livemode=refund.livemode)
    _announce(unit, deps, step)
    return refund


def take_turn(unit: Unit, deps: Dependencies, refund_id: int, *, now_ms: int) -> Refund | None:
    """Let a queued refund go if its turn has come; None when it waits on, or is not queued any more."""
    was = _lock(unit, refund_id)[1]
    if was.state is not RefundState.QUEUED:
        return None
    spacing_ms = deps.policy.refund_spacing_ms
    others = [other for other in unit.refunds.of_attempt(was.attempt_id) if other.id != refund_id]
    turn_ms = refund_lifecycle.turn_ms(refund_id, others, spacing_ms=spacing_ms, now_ms=now_ms)
    refund = refund_lifecycle.let_go(was, turn_ms=turn_ms, now_ms=now_ms)
    unit.refunds.save(refund, was=was)
    goes = refund.state is not RefundState.QUEUED
    unit.refunds.schedule(refund_id, due_ms=now_ms + deps.policy.lease_ms if goes else turn_ms, tries=0)
    return replace(refund, version=refund.version + 1) if goes else None


def resend(unit: Unit, deps: Dependencies, refund_id: int, *, now_ms: int) -> Refund | None:
    """Note that the same refund is sent again; None when something was heard of it since it was read."""
    refund = _lock(unit, refund_id)[1]
    if refund.state not in UNSENT:
        return None
    sent = replace(refund, sent_ms=now_ms)
    unit.refunds.save(sent, was=refund)
    unit.refunds.schedule(refund_id, due_ms=now_ms + deps.policy.lease_ms, tries=0)
    return sent


def cancel(unit: Unit, deps: Dependencies, refund_id: int) -> Refund:
    """Take a queued refund back; refuses one that was let go."""
    was = _lock(unit, refund_id)[1]
    return _keep(unit, deps, was, refund_lifecycle.cancel(was))


def expect_news(unit: Unit, deps: Dependencies, refund_id: int) -> Refund:
    """Lock an abnormal refund that is about to be sent to a card, and plan to ask soon what became of it."""
    refund = _lock(unit, refund_id)[1]
    refund_lifecycle.require_abnormal(refund)
    unit.refunds.schedule(refund_id, due_ms=deps.surroundings.now_ms() + deps.policy.lease_ms, tries=0)
    return refund


def look_soon(unit: Unit, deps: Dependencies, refund_id: int) -> bool:
    """Plan a look now, because somebody hinted at news; False where a look would not be a mere question."""
    refund = _lock(unit, refund_id)[1]
    if refund.state not in (RefundState.PROCESSING, RefundState.ABNORMAL):
        return False
    unit.refunds.schedule(refund_id, due_ms=deps.surroundings.now_ms(), tries=0)
    return True


def settle_refund(
    unit: Unit, deps: Dependencies, refund_id: int, observation: RefundObservation, *, looks: int | None = None
) -> Refund:
    """What the refund is after the observation; stored, booked and announced in one unit."""
    _, was = _lock(unit, refund_id)
    return _keep(unit, deps, was, refund_lifecycle.advance(was, observation), looks=looks)


def _keep(unit: Unit, deps: Dependencies, was: Refund, step: RefundStep, *, looks: int | None = None) -> Refund:
    """Store a step, book it, announce it and plan the next look."""
    refund = step.refund
    if refund != was:
        unit.refunds.save(refund, was=was)
        refund = replace(refund, version=refund.version + 1)
    moved = ledger.of_refund(refund, was.state)
    announce.book(unit, deps, moved, account=refund.account, livemode=refund.livemode)
    if refund.state is RefundState.SUCCEEDED and refund.state is not was.state:
        settle_shipping.refunded(unit, deps, refund)
    if refund.state is not was.state:
        _plan_look(unit, deps, refund, tries=0)  # the pauses belong to the state: a new one begins with its first
    elif looks is not None:
        _plan_look(unit, deps, refund, tries=looks)
    if refund.discrepancy_id is not None and refund.state is RefundState.SUCCEEDED:
        close_discrepancy.close(unit, deps, refund.discrepancy_id, state=DiscrepancyState.REFUNDED)
    _announce(unit, deps, RefundStep(refund, step.events))
    return refund


def _lock(unit: Unit, refund_id: int) -> tuple[PaymentIntent, Refund]:
    """A refund is changed under its intent's lock, as the amounts of all its refunds belong together."""
    unlocked = unit.refunds.find(refund_id)
    assert unlocked is not None, "an observation about a refund that was never recorded"
    intent = unit.intents.lock(unlocked.intent_id)
    refund = unit.refunds.find(refund_id)
    assert intent is not None
    assert refund is not None
    return intent, refund


def _plan_look(unit: Unit, deps: Dependencies, refund: Refund, *, tries: int) -> None:
    if not refund.is_unresolved():
        unit.refunds.unschedule(refund.id)
        return
    if refund.state is RefundState.QUEUED:
        unit.refunds.schedule(refund.id, due_ms=refund.sent_ms, tries=0)
        return
    now_ms = deps.surroundings.now_ms()
    due_ms = next_refund_look_ms(
        refund.state,
        tries=tries,
        now_ms=now_ms,
        look_after_s=deps.policy.refund_look_after_s,
        short_after_s=deps.policy.refund_short_after_s,
    )
    unit.refunds.schedule(refund.id, due_ms=due_ms, tries=tries)


def _announce(unit: Unit, deps: Dependencies, step: RefundStep) -> None:
    refund = step.refund
    subject = representation.refund(refund)
    for kind in step.events:
        announce.emit(unit, deps, kind, refund.id, subject, account=refund.account, livemode=refund.livemode)

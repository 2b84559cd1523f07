"""The one door: every observation about an order comes through here, whoever heard it.

Only this file stores a status. It runs inside a unit, so a step, its events and its deliveries
become true together or not at all.
"""

from __future__ import annotations

from dataclasses import replace

from wxbackend.domain import ledger, lifecycle, representation
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.mandate import MANDATE_INACTIVE
from wxbackend.domain.observation import Declined, Failed, Observation, Paid, Uncertain
from wxbackend.flows import announce, give_back, report_discrepancy, settle_shipping
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.look_schedule import next_look_ms
from wxbackend.ports.store import Unit


def begin(unit: Unit, deps: Dependencies, step: Step, *, goes_on: bool = False) -> None:
    """Announce a new intent, and store it unless the unit `goes_on` with it and stores what comes of it."""
    if not goes_on:
        unit.intents.insert(step.intent)
    _announce(unit, deps, step)


def keep(unit: Unit, deps: Dependencies, step: Step, *, was: PaymentIntent | None, acting: bool = False) -> Step:
    """Store what the caller of a flow asked for; `acting` when the flow goes on to call the provider."""
    step = _save_intent(unit, step, was)
    if step.attempt is not None:
        step = replace(step, attempt=unit.attempts.save(step.attempt))
        assert step.attempt is not None
        _plan_look(unit, deps, step.attempt, tries=0, acting=acting)
    _announce(unit, deps, step)
    return step


def start(unit: Unit, deps: Dependencies, step: Step, *, was: PaymentIntent | None) -> Step:
    """Store a new attempt, before its order is sent; without `was` its intent is new and stored with it."""
    step = _save_intent(unit, step, was)
    assert step.attempt is not None
    unit.attempts.insert(step.attempt)
    _plan_look(unit, deps, step.attempt, tries=0, acting=True)
    _announce(unit, deps, step)
    return step


def resend(unit: Unit, deps: Dependencies, attempt_id: int, *, now_ms: int) -> Attempt | None:
    """Note that the same order is sent again; None when something was heard of it since it was read.

    It is read anew under its intent's lock: a notice that came meanwhile must not be overwritten.
    """
    locked = unit.intents.lock_of(attempt_id)
    assert locked is not None
    attempt = locked[1]
    if not attempt.is_unresolved() or attempt.state is AttemptState.CLOSING:
        return None
    sent = unit.attempts.save(replace(attempt, sent_ms=now_ms), was=attempt)
    unit.attempts.schedule(attempt.id, due_ms=now_ms + deps.policy.lease_ms, tries=0)
    return sent


def settle(
    unit: Unit,
    deps: Dependencies,
    attempt_id: int,
    observation: Observation,
    *,
    looks: int | None = None,
    asked: Attempt | None = None,
) -> Step:
    """What the attempt and its intent are after the observation; stored.

    `looks` is how often the worker has looked, when it is the worker that heard it, and 0 when a
    request that acted on the attempt lets go of it: either way the next look is planned anew.
    `asked` is the attempt as it was when the provider was asked: a payment that was seen before a
    reversal was sent says nothing about what is after it.
    """
    locked = unit.intents.lock_of(attempt_id)
    assert locked is not None, "an observation about an attempt that was never recorded"
    overtaken = asked is not None and asked.reversal_sent_ms is None and locked[1].reversal_sent_ms is not None
    if overtaken and isinstance(observation, Paid):
        observation = Uncertain("seen before the reversal was sent")
    return settle_locked(unit, deps, *locked, observation, looks=looks)


def settle_locked(
    unit: Unit,
    deps: Dependencies,
    intent: PaymentIntent,
    attempt: Attempt,
    observation: Observation,
    *,
    looks: int | None = None,
) -> Step:
    """The same for an attempt that was read under its intent's lock."""
    now_ms = deps.surroundings.now_ms()
    # An attempt that may still be paid is the only one of its intent.
    another_unresolved = not attempt.is_unresolved() and unit.attempts.unresolved(intent.id) is not None
    step = lifecycle.advance(intent, attempt, observation, now_ms=now_ms, another_unresolved=another_unresolved)
    after = step.attempt
    assert after is not None
    if after != attempt:
        after = unit.attempts.save(after, was=attempt)
    step = _save_intent(unit, replace(step, attempt=after), intent)
    if after.state is not attempt.state:
        _plan_look(unit, deps, after, tries=0)  # the pauses belong to the state: a new one begins with its first
    elif looks is not None:
        _plan_look(unit, deps, after, tries=looks)
    if EventType.INTENT_SUCCEEDED in step.events:
        paid = ledger.of_payment(step.intent, provider=after.provider, merchant=after.merchant)
        announce.book(unit, deps, (paid,), account=step.intent.account, livemode=step.intent.livemode)
        settle_shipping.begin(unit, deps, step.intent, after)
    if isinstance(observation, Declined | Failed) and observation.decline_code == MANDATE_INACTIVE and after.mandate_id:
        unit.mandates.schedule(after.mandate_id, due_ms=now_ms, tries=0)  # ask the provider whether it is over
    if step.close_attempt_id is not None:
        _close_other(unit, deps, step.close_attempt_id)
    if step.discrepancy is not None:
        _misplaced(unit, deps, step, step.discrepancy, asked=looks is not None)
    _announce(unit, deps, step)
    return step


def _misplaced(unit: Unit, deps: Dependencies, step: Step, found: Discrepancy, *, asked: bool) -> None:
    """Money that does not fit: recorded first, then given back where that is certain to be right."""
    attempt = step.attempt
    assert attempt is not None
    number = report_discrepancy.report(unit, deps, found, intent=step.intent, attempt=attempt)
    if found.kind is DiscrepancyKind.WRONG and not asked:
        # A notice alone is not enough to send money away: ask at once, and act on the answer.
        unit.attempts.schedule(attempt.id, due_ms=deps.surroundings.now_ms(), tries=0)
        return
    give_back.give_back(unit, deps, number, found, intent=step.intent, attempt=attempt)
    if found.kind is DiscrepancyKind.WRONG:
        unit.attempts.unschedule(attempt.id)  # asking again cannot make it right


def _save_intent(unit: Unit, step: Step, was: PaymentIntent | None) -> Step:
    if was is None:
        unit.intents.insert(step.intent)
        return step
    if step.intent == was:
        return step
    unit.intents.save(step.intent, was=was)
    return replace(step, intent=replace(step.intent, version=step.intent.version + 1))


def _plan_look(unit: Unit, deps: Dependencies, attempt: Attempt, *, tries: int, acting: bool = False) -> None:
    if not attempt.is_unresolved():
        unit.attempts.unschedule(attempt.id)
        return
    now_ms = deps.surroundings.now_ms()
    if acting:
        due_ms = now_ms + deps.policy.lease_ms
    else:
        due_ms = next_look_ms(attempt, tries=tries, now_ms=now_ms, look_after_s=deps.policy.look_after_s)
    unit.attempts.schedule(attempt.id, due_ms=due_ms, tries=tries)


def _close_other(unit: Unit, deps: Dependencies, attempt_id: int) -> None:
    other = unit.attempts.find(attempt_id)
    if other is None or not other.is_unresolved() or other.is_debit():
        return  # a debit that is under way can't be stopped; if it is paid too, that is double money
    unit.attempts.save(replace(other, state=AttemptState.CLOSING), was=other)
    unit.attempts.schedule(other.id, due_ms=deps.surroundings.now_ms(), tries=0)


def _announce(unit: Unit, deps: Dependencies, step: Step) -> None:
    if not step.events:
        return
    intent = step.intent
    subject = representation.payment_intent(intent, step.attempt)
    for kind in step.events:
        announce.emit(unit, deps, kind, intent.id, subject, account=intent.account, livemode=intent.livemode)

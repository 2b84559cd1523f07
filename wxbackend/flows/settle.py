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
from wxbackend.domain.observation import Observation
from wxbackend.flows import announce, give_back, report_discrepancy
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.look_schedule import ACTING_S, next_look_ms
from wxbackend.ports.store import Unit


def begin(unit: Unit, deps: Dependencies, step: Step) -> None:
    """Store a new intent."""
    unit.intents.insert(step.intent)
    _announce(unit, deps, step)


def keep(unit: Unit, deps: Dependencies, step: Step, *, was: PaymentIntent, acting: bool = False) -> Step:
    """Store what the caller of a flow asked for; `acting` when the flow goes on to call the provider."""
    step = _save_intent(unit, step, was)
    if step.attempt is not None:
        unit.attempts.save(step.attempt)
        _plan_look(unit, deps, step.attempt, tries=0, acting=acting)
    _announce(unit, deps, step)
    return step


def start(unit: Unit, deps: Dependencies, step: Step, *, was: PaymentIntent) -> Step:
    """Store a new attempt, before its order is sent."""
    step = _save_intent(unit, step, was)
    assert step.attempt is not None
    unit.attempts.insert(step.attempt)
    _plan_look(unit, deps, step.attempt, tries=0, acting=True)
    _announce(unit, deps, step)
    return step


def resend(unit: Unit, attempt_id: int, *, now_ms: int) -> Attempt | None:
    """Note that the same order is sent again; None when something was heard of it since it was read.

    It is read anew under its intent's lock: a notice that came meanwhile must not be overwritten.
    """
    unlocked = unit.attempts.find(attempt_id)
    assert unlocked is not None
    unit.intents.lock(unlocked.intent_id)
    attempt = unit.attempts.find(attempt_id)
    assert attempt is not None
    if not attempt.is_unresolved() or attempt.state is AttemptState.CLOSING:
        return None
    sent = replace(attempt, sent_ms=now_ms)
    unit.attempts.save(sent)
    unit.attempts.schedule(attempt.id, due_ms=now_ms + ACTING_S * 1000, tries=0)
    return sent


def settle(
    unit: Unit, deps: Dependencies, attempt_id: int, observation: Observation, *, looks: int | None = None
) -> Step:
    """What the attempt and its intent are after the observation; stored.

    `looks` is how often the worker has looked, when it is the worker that heard it, and 0 when a
    request that acted on the attempt lets go of it: either way the next look is planned anew.
    """
    now_ms = deps.surroundings.now_ms()
    unlocked = unit.attempts.find(attempt_id)
    assert unlocked is not None, "an observation about an attempt that was never recorded"
    intent = unit.intents.lock(unlocked.intent_id)
    attempt = unit.attempts.find(attempt_id)
    assert intent is not None
    assert attempt is not None
    other = unit.attempts.unresolved(intent.id)
    another_unresolved = other is not None and other.id != attempt.id
    step = lifecycle.advance(intent, attempt, observation, now_ms=now_ms, another_unresolved=another_unresolved)
    after = step.attempt
    assert after is not None
    if after != attempt:
        unit.attempts.save(after)
    step = _save_intent(unit, step, intent)
    if after.state is not attempt.state:
        _plan_look(unit, deps, after, tries=0)  # the pauses belong to the state: a new one begins with its first
    elif looks is not None:
        _plan_look(unit, deps, after, tries=looks)
    if EventType.INTENT_SUCCEEDED in step.events:
        paid = ledger.of_payment(step.intent, provider=after.provider, merchant=after.merchant)
        announce.book(unit, deps, (paid,), account=step.intent.account, livemode=step.intent.livemode)
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


def _save_intent(unit: Unit, step: Step, was: PaymentIntent) -> Step:
    if step.intent == was:
        return step
    unit.intents.save(step.intent)
    return replace(step, intent=replace(step.intent, version=step.intent.version + 1))


def _plan_look(unit: Unit, deps: Dependencies, attempt: Attempt, *, tries: int, acting: bool = False) -> None:
    if not attempt.is_unresolved():
        unit.attempts.unschedule(attempt.id)
        return
    now_ms = deps.surroundings.now_ms()
    if acting:
        due_ms = now_ms + ACTING_S * 1000
    else:
        due_ms = next_look_ms(attempt, tries=tries, now_ms=now_ms, look_after_s=deps.policy.look_after_s)
    unit.attempts.schedule(attempt.id, due_ms=due_ms, tries=tries)


def _close_other(unit: Unit, deps: Dependencies, attempt_id: int) -> None:
    other = unit.attempts.find(attempt_id)
    if other is None or not other.is_unresolved():
        return
    unit.attempts.save(replace(other, state=AttemptState.CLOSING))
    unit.attempts.schedule(other.id, due_ms=deps.surroundings.now_ms(), tries=0)


def _announce(unit: Unit, deps: Dependencies, step: Step) -> None:
    if not step.events:
        return
    intent = step.intent
    subject = representation.payment_intent(intent, step.attempt)
    for kind in step.events:
        announce.emit(unit, deps, kind, intent.id, subject, account=intent.account, livemode=intent.livemode)

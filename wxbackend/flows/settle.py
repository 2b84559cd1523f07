"""The one door: every observation about an order comes through here, whoever heard it.

Only this file stores a status. It runs inside a unit, so a step, its events and its deliveries
become true together or not at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from wxbackend.domain import ids, lifecycle, representation
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind
from wxbackend.domain.event import Event, EventType
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.observation import Observation
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.look_schedule import ACTING_S, next_look_ms
from wxbackend.ports.store import RecordedDiscrepancy, Unit


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


def resend(unit: Unit, attempt: Attempt, *, now_ms: int) -> Attempt:
    """Note that the same order is sent again."""
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
    if step.discrepancy is not None and looks is not None and after.state is attempt.state:
        unit.attempts.unschedule(attempt.id)  # wrong money: a person decides, asking again cannot
    elif looks is not None or after.state is not attempt.state:
        _plan_look(unit, deps, after, tries=looks or 0)
    if step.close_attempt_id is not None:
        _close_other(unit, deps, step.close_attempt_id)
    if step.discrepancy is not None:
        report(unit, deps, step.discrepancy, attempt=step.attempt, intent=step.intent)
    _announce(unit, deps, step)
    return step


def report(
    unit: Unit,
    deps: Dependencies,
    found: Discrepancy,
    *,
    attempt: Attempt | None = None,
    intent: PaymentIntent | None = None,
    account: str = "",
    livemode: bool = False,
) -> bool:
    """Record a discrepancy once and tell the merchant; whether it is new."""
    owner, mode = (intent.account, intent.livemode) if intent else (account, livemode)
    now_ms = deps.surroundings.now_ms()
    recorded = RecordedDiscrepancy(
        id=deps.surroundings.new_id(),
        account=owner,
        livemode=mode,
        intent_id=intent.id if intent else None,
        attempt_id=attempt.id if attempt else None,
        created_ms=now_ms,
        found=found,
    )
    if not unit.discrepancies.insert(recorded):
        return False
    subject = representation.discrepancy(recorded.id, found, created_ms=now_ms, livemode=mode)
    if intent is not None:
        subject["payment_intent"] = ids.render(ids.INTENT, intent.id)
    if attempt is not None:
        subject["out_trade_no"] = attempt.out_trade_no
    _emit(unit, deps, EventType.DISCREPANCY_OPENED, recorded.id, subject, account=owner, livemode=mode)
    return True


def unmatched(
    unit: Unit, deps: Dependencies, *, account: str, livemode: bool, money: tuple[str, int, str], number: str
) -> bool:
    """Report money that a proven notice speaks of for an order that we never made."""
    transaction, amount, currency = money
    found = Discrepancy(
        DiscrepancyKind.UNMATCHED,
        {"out_trade_no": "an order of ours"},
        {"out_trade_no": number},
        transaction,
        amount,
        currency,
    )
    return report(unit, deps, found, account=account, livemode=livemode)


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
        _emit(unit, deps, kind, intent.id, subject, account=intent.account, livemode=intent.livemode)


def _emit(
    unit: Unit,
    deps: Dependencies,
    kind: EventType,
    subject_id: int,
    subject: dict[str, Any],
    *,
    account: str,
    livemode: bool,
) -> None:
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    body = orjson.dumps(
        representation.event(number=number, type_name=kind.value, created_ms=now_ms, livemode=livemode, subject=subject)
    )
    endpoints = deps.accounts.endpoints(account, livemode=livemode)
    unit.events.insert(
        Event(number, account, livemode, kind, now_ms, subject_id, body),
        endpoint_ids=[endpoint.id for endpoint in endpoints],
        delivery_ids=[deps.surroundings.new_id() for _ in endpoints],
    )

"""The laws of money hold in any order of any observations, wishes and hours; hypothesis chooses the order."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.objects import METHOD, NOW_MS, an_attempt, an_intent, opened, paid
from wxbackend.domain import lifecycle
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.discrepancy import DiscrepancyKind
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.observation import Absent, Closed, Declined, Observation, Pending, Uncertain

DECLINED: Final = Declined("payment_method_provider_decline", "invalid_request_error", "no")
AMOUNT: Final = 2000


class World(RuleBasedStateMachine):
    """One intent and its attempts, kept as the store keeps them, with everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = NOW_MS
        self.intent: PaymentIntent = lifecycle.create(an_intent()).intent
        self.attempts: dict[int, Attempt] = {}
        self.discrepancies: set[tuple[DiscrepancyKind, str]] = set()
        self.events: list[EventType] = []
        self.statuses: list[IntentStatus] = [self.intent.status]
        self.paid: dict[int, str | None] = {}

    # --- what the store does ------------------------------------------------------------------

    def unresolved(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts.values() if attempt.is_unresolved()]

    def current(self) -> Attempt | None:
        return next(iter(self.unresolved()), None)

    def keep(self, step: Step) -> Step:
        self.intent = step.intent
        if step.attempt is not None:
            self.attempts[step.attempt.id] = step.attempt
        if step.close_attempt_id is not None and self.attempts[step.close_attempt_id].is_unresolved():
            other = self.attempts[step.close_attempt_id]
            self.attempts[other.id] = replace(other, state=AttemptState.CLOSING)
        if step.discrepancy is not None:
            self.discrepancies.add((step.discrepancy.kind, step.discrepancy.transaction))
        self.events.extend(step.events)
        self.statuses.append(self.intent.status)
        for attempt in self.attempts.values():
            if attempt.state is AttemptState.PAID:
                self.paid.setdefault(attempt.id, attempt.transaction)
        return step

    def hear(self, attempt: Attempt, said: Observation) -> Step:
        another = any(other.id != attempt.id for other in self.unresolved())
        step = lifecycle.advance(self.intent, attempt, said, now_ms=self.now_ms, another_unresolved=another)
        return self.keep(step)

    def changeable(self) -> bool:
        return not self.intent.is_final() and self.intent.cancel_requested_ms is None

    # --- what callers and time do -----------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 30, 61, 600, 7_300]))
    def time_passes(self, seconds: int) -> None:
        self.now_ms += seconds * 1000

    @precondition(lambda self: self.changeable())
    @rule()
    def a_method_is_named(self) -> None:
        self.keep(lifecycle.name_method(self.intent, METHOD))

    @precondition(lambda self: self.changeable() and not self.unresolved())
    @rule()
    def a_method_is_refused(self) -> None:
        named = lifecycle.name_method(self.intent, METHOD).intent
        self.keep(lifecycle.refuse_method(named, lifecycle.PROVIDER_REFUSED_METHOD))

    @precondition(lambda self: self.changeable() and not self.unresolved())
    @rule()
    def the_buyer_is_sent_to_our_page(self) -> None:
        named = lifecycle.name_method(self.intent, METHOD).intent
        self.keep(lifecycle.send_to_page(named))

    @precondition(lambda self: self.changeable() and not self.unresolved() and len(self.attempts) < 4)
    @rule()
    def an_order_is_sent(self) -> None:
        named = lifecycle.name_method(self.intent, METHOD).intent
        number = 11 + len(self.attempts)
        times = {"created_ms": self.now_ms, "sent_ms": self.now_ms, "expires_ms": self.now_ms + 7_200_000}
        self.keep(lifecycle.start_attempt(named, an_attempt(number, **times)))

    @precondition(lambda self: self.changeable() and self.payable() is not None)
    @rule()
    def the_buyer_wants_to_pay_another_way(self) -> None:
        attempt = self.payable()
        assert attempt is not None
        self.keep(lifecycle.give_up_attempt(self.intent, attempt))

    def payable(self) -> Attempt | None:
        """The order that a confirm by another payer would give up."""
        current = self.current()
        return current if current is not None and current.state is not AttemptState.CLOSING else None

    @precondition(lambda self: not self.intent.is_final())
    @rule()
    def the_merchant_cancels(self) -> None:
        self.keep(lifecycle.cancel(self.intent, self.current(), reason="abandoned", now_ms=self.now_ms))

    @precondition(lambda self: self.unresolved())
    @rule()
    def the_order_expires(self) -> None:
        attempt = self.current()
        assert attempt is not None
        self.keep(lifecycle.expire_attempt(self.intent, attempt))

    # --- what the provider says, about any order, at any time ------------------------------------------

    @precondition(lambda self: self.attempts)
    @rule(
        data=st.data(),
        said=st.sampled_from(
            [opened(), Pending("NOTPAY"), Closed("CLOSED"), DECLINED, Uncertain("time-out"), Absent()]
        ),
    )
    def the_provider_says(self, data: st.DataObject, said: Observation) -> None:
        number = data.draw(st.sampled_from(sorted(self.attempts)))
        before = self.intent.amount_received
        step = self.hear(self.attempts[number], said)
        assert step.intent.amount_received == before
        assert step.discrepancy is None
        assert EventType.INTENT_SUCCEEDED not in step.events

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), second=st.booleans())
    def the_right_money_comes(self, data: st.DataObject, second: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.attempts)))
        transaction = f"42{number}{int(second)}"
        was, intent = self.attempts[number], self.intent
        step = self.hear(was, paid(transaction))
        known = was.state is AttemptState.PAID and was.transaction == transaction
        if known:
            assert (step.intent, step.attempt, step.discrepancy, step.events) == (intent, was, None, ())
        elif intent.is_final() or was.state is AttemptState.PAID:
            assert step.discrepancy is not None
            assert step.intent == intent
        else:
            assert step.intent.status is IntentStatus.SUCCEEDED
            assert step.intent.amount_received == AMOUNT
            assert step.events == (EventType.INTENT_SUCCEEDED,)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), wrong=st.sampled_from([{"amount": 1}, {"currency": "USD"}, {"payer": "oX"}, {"app": "wx0"}]))
    def the_wrong_money_comes(self, data: st.DataObject, wrong: dict[str, Any]) -> None:
        number = data.draw(st.sampled_from(sorted(self.attempts)))
        was, intent = self.attempts[number], self.intent
        step = self.hear(was, paid(f"43{number}", **wrong))
        assert (step.intent, step.attempt) == (intent, was)
        assert step.discrepancy is not None
        assert step.discrepancy.kind is DiscrepancyKind.WRONG

    # --- laws ----------------------------------------------------------------------------------------

    @invariant()
    def what_was_paid_stays_paid(self) -> None:
        for number, transaction in self.paid.items():
            assert self.attempts[number].state is AttemptState.PAID
            assert self.attempts[number].transaction == transaction

    @invariant()
    def what_is_final_stays(self) -> None:
        for final in (IntentStatus.SUCCEEDED, IntentStatus.CANCELED):
            if final in self.statuses:
                assert set(self.statuses[self.statuses.index(final) :]) == {final}

    @invariant()
    def money_is_received_once_and_only_when_paid(self) -> None:
        succeeded = self.intent.status is IntentStatus.SUCCEEDED
        assert self.intent.amount_received == (AMOUNT if succeeded else 0)
        assert self.events.count(EventType.INTENT_SUCCEEDED) == int(succeeded)
        assert self.events.count(EventType.INTENT_CANCELED) == int(self.intent.status is IntentStatus.CANCELED)

    @invariant()
    def every_other_payment_is_a_discrepancy(self) -> None:
        counted = {self.intent.attempt_id} if self.intent.status is IntentStatus.SUCCEEDED else set()
        for number, transaction in self.paid.items():
            if number not in counted:
                assert {(kind, transaction) for kind in DiscrepancyKind} & self.discrepancies

    @invariant()
    def at_most_one_order_may_still_be_paid(self) -> None:
        assert len(self.unresolved()) <= 1


World.TestCase.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
TestAnyOrderKeepsTheLaws = World.TestCase


def test_the_late_answer_to_a_replaced_order_opens_nothing() -> None:
    world = World()
    world.an_order_is_sent()
    world.hear(world.attempts[11], Closed("CLOSED"))
    world.an_order_is_sent()
    step = world.hear(world.attempts[11], opened())
    assert step.attempt is not None
    assert step.attempt.state is AttemptState.CLOSED
    assert [attempt.id for attempt in world.unresolved()] == [12]


def test_the_late_answer_to_a_closed_order_closes_it_again_when_no_other_took_its_place() -> None:
    world = World()
    world.an_order_is_sent()
    world.hear(world.attempts[11], Closed("absent"))
    step = world.hear(world.attempts[11], opened())
    assert step.attempt is not None
    assert step.attempt.state is AttemptState.CLOSING


@pytest.mark.parametrize("mail", list(permutations(["opened", "paid", "closed", "uncertain", "absent"])))
def test_every_order_of_the_mail_ends_paid_once(mail: tuple[str, ...]) -> None:
    letters: dict[str, Observation] = {
        "opened": opened(),
        "paid": paid(),
        "closed": Closed("CLOSED"),
        "uncertain": Uncertain("x"),
        "absent": Absent(),
    }
    named = lifecycle.name_method(an_intent(), METHOD).intent
    step = lifecycle.start_attempt(named, an_attempt())
    events: list[EventType] = []
    for name in mail:
        assert step.attempt is not None
        step = lifecycle.advance(step.intent, step.attempt, letters[name], now_ms=NOW_MS)
        assert step.discrepancy is None
        events.extend(step.events)
    assert step.intent.status is IntentStatus.SUCCEEDED
    assert step.intent.amount_received == AMOUNT
    assert events.count(EventType.INTENT_SUCCEEDED) == 1

"""The state machine against this file's own drawing of it: every pair, and what each pair says to the merchant."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import pytest

from tests.support.objects import METHOD, NOW_MS, an_attempt, an_intent, opened, paid
from wxbackend.domain import lifecycle
from wxbackend.domain.attempt import IN_FLIGHT_MS_MAX, AttemptState
from wxbackend.domain.discrepancy import DiscrepancyKind
from wxbackend.domain.errors import Conflict, IllegalTransition
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import IntentStatus, PaymentError, PaymentIntent
from wxbackend.domain.observation import Absent, Closed, Declined, Observation, Pending, Uncertain

SAID: Final[dict[str, Observation]] = {
    "opened": opened(),
    "paid": paid(),
    "pending": Pending("NOTPAY"),
    "closed": Closed("CLOSED"),
    "declined": Declined("payment_method_provider_decline", "invalid_request_error", "no"),
    "uncertain": Uncertain("time-out"),
}
# Drawn by hand; rows are what the attempt was, columns what was said.
DRAWING: Final = """
            opened   paid  pending    closed   declined  uncertain
recorded    open     paid  uncertain  closed   declined  uncertain
uncertain   open     paid  uncertain  closed   declined  uncertain
open        open     paid  open       closed   open      open
closing     closing  paid  closing    closed   closed    closing
paid        paid     paid  paid       paid     paid      paid
closed      closing  paid  closed     closed   closed    closed
declined    closing  paid  declined   declined declined  declined
"""
INTENT_DRAWING: Final = """
                         method  refused  sent  started  charged  opened  paid  gone  given_up  canceled
requires_payment_method  RC      RPM      RA    RA       P        -       S     RPM   -         C
requires_confirmation    RC      RPM      RA    RA       P        -       S     RC    -         C
requires_action          -       RPM      RA    RA       P        RA      S     RPM   RC        C
processing               -       -        -     -        P        -       S     RPM   -         -
succeeded                -       -        -     -        -        S       S     S     -         -
canceled                 -       -        -     -        -        C       C     C     -         -
"""
SHORT: Final = {
    "RPM": "requires_payment_method",
    "RC": "requires_confirmation",
    "RA": "requires_action",
    "P": "processing",
    "S": "succeeded",
    "C": "canceled",
}
FACTS: Final = {
    "method": lifecycle.Fact.METHOD_GIVEN,
    "refused": lifecycle.Fact.METHOD_REFUSED,
    "sent": lifecycle.Fact.SENT_TO_PAGE,
    "started": lifecycle.Fact.STARTED,
    "charged": lifecycle.Fact.CHARGED,
    "opened": lifecycle.Fact.OPENED,
    "paid": lifecycle.Fact.PAID,
    "gone": lifecycle.Fact.GONE,
    "given_up": lifecycle.Fact.GIVEN_UP,
    "canceled": lifecycle.Fact.CANCELED,
}
UNRESOLVED: Final = ("recorded", "uncertain", "open", "closing")


def drawn(text: str) -> dict[tuple[str, str], str]:
    """Row and column of a drawing, and what stands there."""
    head, *rows = [line.split() for line in text.strip().splitlines()]
    return {(row[0], column): cell for row in rows for column, cell in zip(head, row[1:], strict=True)}


def waiting_intent() -> PaymentIntent:
    """An intent whose attempt 11 is its current one."""
    return an_intent(status=IntentStatus.REQUIRES_ACTION, attempt_id=11, payment_method=METHOD)


def test_the_drawings_cover_every_state_every_observation_every_status_and_every_fact() -> None:
    rows = {row for row, _ in drawn(DRAWING)}
    assert rows == {state.value for state in AttemptState}
    assert {column for _, column in drawn(DRAWING)} == set(SAID)
    assert {row for row, _ in drawn(INTENT_DRAWING)} == {status.value for status in IntentStatus}
    assert set(FACTS.values()) == set(lifecycle.Fact)


@pytest.mark.parametrize(("was", "said"), list(product([state.value for state in AttemptState], SAID)))
def test_an_attempt_becomes_what_is_drawn(was: str, said: str) -> None:
    transaction = "4200000001" if was == "paid" else None
    attempt = an_attempt(state=AttemptState(was), transaction=transaction)
    intent = waiting_intent() if was in UNRESOLVED else an_intent(status=IntentStatus.REQUIRES_CONFIRMATION)
    if was == "paid":
        intent = an_intent(status=IntentStatus.SUCCEEDED, attempt_id=11, amount_received=2000)
    step = lifecycle.advance(intent, attempt, SAID[said], now_ms=NOW_MS)
    assert step.attempt is not None
    assert step.attempt.state.value == drawn(DRAWING)[was, said]


@pytest.mark.parametrize(("status", "fact"), list(product([status.value for status in IntentStatus], FACTS)))
def test_the_table_of_statuses_is_the_drawn_one(status: str, fact: str) -> None:
    cell = drawn(INTENT_DRAWING)[status, fact]
    found = lifecycle.INTENT[IntentStatus(status)].get(FACTS[fact])
    assert (found.value if found else "-") == SHORT.get(cell, "-")


@pytest.mark.parametrize(
    ("was", "said", "status", "events"),
    [
        ("recorded", "opened", "requires_action", ["payment_intent.requires_action"]),
        ("recorded", "paid", "succeeded", ["payment_intent.succeeded"]),
        ("uncertain", "pending", "requires_action", []),
        ("open", "closed", "requires_payment_method", ["payment_intent.payment_failed"]),
        ("recorded", "declined", "requires_payment_method", ["payment_intent.payment_failed"]),
        ("open", "declined", "requires_action", []),
        ("closing", "opened", "requires_action", []),
        ("closing", "paid", "succeeded", ["payment_intent.succeeded"]),
        ("closing", "declined", "requires_payment_method", ["payment_intent.payment_failed"]),
    ],
)
def test_the_merchant_is_told_once_what_became_true(was: str, said: str, status: str, events: list[str]) -> None:
    attempt = an_attempt(state=AttemptState(was))
    step = lifecycle.advance(waiting_intent(), attempt, SAID[said], now_ms=NOW_MS)
    assert step.intent.status.value == status
    assert [event.value for event in step.events] == events
    assert step.attempt is not None
    again = lifecycle.advance(step.intent, step.attempt, SAID[said], now_ms=NOW_MS)
    assert again.intent == step.intent
    assert again.attempt == step.attempt
    assert again.discrepancy is None
    assert set(again.events) <= {EventType.INTENT_REQUIRES_ACTION}


def test_a_decline_is_told_in_the_words_for_merchants_and_without_the_operators_hint() -> None:
    declined = Declined("payment_method_provider_decline", "invalid_request_error", "told", "SECRET HINT")
    step = lifecycle.advance(waiting_intent(), an_attempt(), declined, now_ms=NOW_MS)
    error = PaymentError("payment_method_provider_decline", "invalid_request_error", "told")
    assert step.intent.last_payment_error == error


@pytest.mark.parametrize(
    ("state", "after_ms", "becomes"),
    [
        ("recorded", IN_FLIGHT_MS_MAX - 1, "uncertain"),
        ("recorded", IN_FLIGHT_MS_MAX, "closed"),
        ("uncertain", IN_FLIGHT_MS_MAX - 1, "uncertain"),
        ("uncertain", IN_FLIGHT_MS_MAX, "closed"),
        ("closing", IN_FLIGHT_MS_MAX - 1, "closing"),
        ("closing", IN_FLIGHT_MS_MAX, "closed"),
        ("open", IN_FLIGHT_MS_MAX, "open"),
        ("open", 7_199_999, "open"),
        ("open", 7_200_000, "closed"),
        ("paid", 99_999_999, "paid"),
    ],
)
def test_absent_closes_an_order_only_when_it_can_no_longer_be_on_its_way(
    state: str, after_ms: int, becomes: str
) -> None:
    attempt = an_attempt(state=AttemptState(state), transaction="4200000001" if state == "paid" else None)
    step = lifecycle.advance(waiting_intent(), attempt, Absent(), now_ms=NOW_MS + after_ms)
    assert step.attempt is not None
    assert step.attempt.state.value == becomes


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [("amount", 1999, 1999), ("currency", "USD", "USD"), ("app", "wxother", "wxother"), ("merchant", "1", "1")],
)
def test_wrong_money_is_recorded_and_changes_no_status(field: str, value: Any, shown: object) -> None:
    intent, attempt = waiting_intent(), an_attempt(state=AttemptState.OPEN)
    step = lifecycle.advance(intent, attempt, paid(**{field: value}), now_ms=NOW_MS)
    assert (step.intent, step.attempt, step.events) == (intent, attempt, ())
    assert step.discrepancy is not None
    assert step.discrepancy.kind is DiscrepancyKind.WRONG
    assert step.discrepancy.observed == {field: shown}
    assert set(step.discrepancy.expected) == {field}


def test_another_payer_is_wrong_money_and_neither_openid_is_recorded() -> None:
    attempt = an_attempt(state=AttemptState.OPEN)
    step = lifecycle.advance(waiting_intent(), attempt, paid(payer="oStranger"), now_ms=NOW_MS)
    assert step.discrepancy is not None
    assert step.discrepancy.kind is DiscrepancyKind.WRONG
    assert "oStranger" not in repr(step.discrepancy)
    assert attempt.payer not in repr(step.discrepancy)


def test_what_the_provider_does_not_state_is_not_held_against_it() -> None:
    said = paid(payer=None, app=None, merchant=None)
    step = lifecycle.advance(waiting_intent(), an_attempt(), said, now_ms=NOW_MS)
    assert step.intent.status is IntentStatus.SUCCEEDED
    assert step.intent.amount_received == 2000


def test_money_after_a_cancel_is_late_and_after_a_success_double() -> None:
    kinds = {IntentStatus.CANCELED: DiscrepancyKind.LATE, IntentStatus.SUCCEEDED: DiscrepancyKind.DOUBLE}
    for status, kind in kinds.items():
        intent = an_intent(status=status, attempt_id=10, amount_received=0)
        step = lifecycle.advance(intent, an_attempt(state=AttemptState.CLOSED), paid(), now_ms=NOW_MS)
        assert step.intent == intent
        assert step.discrepancy is not None
        assert step.discrepancy.kind is kind
        assert step.attempt is not None
        told_twice = lifecycle.advance(step.intent, step.attempt, paid(), now_ms=NOW_MS)
        assert told_twice.discrepancy is None


def test_a_second_transaction_on_a_paid_order_is_double_money() -> None:
    intent = an_intent(status=IntentStatus.SUCCEEDED, attempt_id=11, amount_received=2000)
    attempt = an_attempt(state=AttemptState.PAID, transaction="4200000001")
    step = lifecycle.advance(intent, attempt, paid("4200000002"), now_ms=NOW_MS)
    assert step.discrepancy is not None
    assert step.discrepancy.kind is DiscrepancyKind.DOUBLE
    assert step.attempt == attempt


def test_when_an_older_order_is_paid_the_newer_one_is_to_be_closed() -> None:
    intent = an_intent(status=IntentStatus.REQUIRES_ACTION, attempt_id=12)
    step = lifecycle.advance(intent, an_attempt(11, state=AttemptState.CLOSED), paid(), now_ms=NOW_MS)
    assert step.intent.status is IntentStatus.SUCCEEDED
    assert step.intent.attempt_id == 11
    assert step.close_attempt_id == 12


def test_a_cancel_waits_for_the_close_and_the_payment_wins_over_it() -> None:
    asked = lifecycle.cancel(waiting_intent(), an_attempt(state=AttemptState.OPEN), reason="abandoned", now_ms=NOW_MS)
    assert asked.intent.status is IntentStatus.REQUIRES_ACTION
    assert asked.attempt is not None
    assert asked.attempt.state is AttemptState.CLOSING
    closed = lifecycle.advance(asked.intent, asked.attempt, Closed("CLOSED"), now_ms=NOW_MS + 1)
    assert closed.intent.status is IntentStatus.CANCELED
    assert closed.intent.cancellation_reason == "abandoned"
    assert closed.intent.canceled_ms == NOW_MS + 1
    won = lifecycle.advance(asked.intent, asked.attempt, paid(), now_ms=NOW_MS + 1)
    assert won.intent.status is IntentStatus.SUCCEEDED
    assert won.intent.cancellation_reason is None


@pytest.mark.parametrize("status", [IntentStatus.SUCCEEDED, IntentStatus.CANCELED])
def test_what_is_final_refuses_every_wish_of_the_caller(status: IntentStatus) -> None:
    intent, attempt = an_intent(status=status), an_attempt()
    with pytest.raises(Conflict):
        lifecycle.name_method(intent, METHOD)
    with pytest.raises(Conflict):
        lifecycle.refuse_method(intent, lifecycle.PROVIDER_REFUSED_METHOD)
    with pytest.raises(Conflict):
        lifecycle.start_attempt(intent, attempt)
    with pytest.raises(Conflict):
        lifecycle.give_up_attempt(intent, attempt)
    with pytest.raises(Conflict):
        lifecycle.cancel(intent, None, reason=None, now_ms=NOW_MS)


def test_a_row_that_is_not_drawn_is_a_defect_and_not_a_status() -> None:
    with pytest.raises(IllegalTransition, match="requires_payment_method"):
        lifecycle.give_up_attempt(an_intent(), an_attempt())


def test_creating_says_created_and_knows_whether_a_method_was_named() -> None:
    bare, named = lifecycle.create(an_intent()), lifecycle.create(an_intent(payment_method=METHOD))
    assert bare.intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert named.intent.status is IntentStatus.REQUIRES_CONFIRMATION
    assert bare.events == named.events == (EventType.INTENT_CREATED,)


def test_a_refused_method_is_answered_as_the_seed_document_does() -> None:
    step = lifecycle.refuse_method(an_intent(payment_method=METHOD), lifecycle.PROVIDER_REFUSED_METHOD)
    error = step.intent.last_payment_error
    assert error is not None
    assert (error.code, error.decline_code) == ("payment_method_provider_decline", "invalid_request_error")
    assert step.intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert step.events == (EventType.INTENT_PAYMENT_FAILED,)

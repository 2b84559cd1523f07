"""The state machine for payment codes against this file's own drawing of it, and when such an order is looked at."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest

from tests.support.objects import METHOD, NOW_MS, an_attempt, an_intent, paid
from tests.unit.test_lifecycle_tables import SAID, drawn
from wxbackend.domain import lifecycle
from wxbackend.domain.attempt import IN_FLIGHT_MS_MAX, Attempt, AttemptState
from wxbackend.domain.discrepancy import DiscrepancyKind
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.observation import Absent, Closed, Observation, Pending, Unreversed
from wxbackend.domain.payment_code import (
    CODE_LOOK_EVERY_S,
    PIN_WAIT_S_MAX,
    REVERSE_AFTER_S_MIN,
    PaymentCode,
    parse_code,
)
from wxbackend.domain.terminal import Terminal
from wxbackend.flows.look_schedule import next_look_ms

CODE: Final = "132993614656096754"
TOLD: Final[dict[str, Observation]] = SAID | {"unreversed": Unreversed(paid())}
# What differs from other orders: `pending` opens it, and from the first reversal on a payment alone ends nothing.
DRAWING: Final = """
            opened    paid       pending    closed   declined  uncertain  unreversed
recorded    open      paid       open       closed   declined  uncertain  paid
uncertain   open      paid       open       closed   declined  uncertain  paid
open        open      paid       open       closed   open      open       paid
closing     closing   paid       closing    closed   closed    closing    paid
reversing   closing   closing    closing    closed   closed    closing    paid
closed      closing   paid       closed     closed   closed    closed     paid
reversed    closed    paid       closed     closed   closed    closed     paid
declined    closing   paid       declined   declined declined  declined   paid
paid        paid      paid       paid       paid     paid      paid       paid
"""
REVERSING: Final = {"reversing": "closing", "reversed": "closed"}
STATES: Final = (
    "recorded", "uncertain", "open", "closing", "reversing", "closed", "reversed", "declined", "paid",
)  # fmt: skip
RESOLVED: Final = ("closed", "reversed", "declined")


def by_code(state: str = "recorded", **changes: Any) -> Attempt:
    """An attempt by payment code; two states are those of an order for which a reversal was sent."""
    fields: dict[str, Any] = {
        "state": AttemptState(REVERSING.get(state, state)),
        "terminal": Terminal.SCAN_CODE,
        "payer": "",
        "expires_ms": NOW_MS + PIN_WAIT_S_MAX * 1000,
        "reversal_sent_ms": NOW_MS + 1 if state in REVERSING else None,
        "transaction": "4200000001" if state == "paid" else None,
        "code_mark": "a mark",
    }
    return an_attempt(**(fields | changes))


def waiting(**changes: Any) -> PaymentIntent:
    """The intent of that attempt."""
    fields: dict[str, Any] = {"status": IntentStatus.REQUIRES_ACTION, "attempt_id": 11, "payment_method": METHOD}
    return an_intent(**(fields | changes))


def failed() -> PaymentIntent:
    """The same after the shop was told that the payment failed."""
    return waiting(status=IntentStatus.REQUIRES_PAYMENT_METHOD)


def test_the_drawing_covers_every_state_and_every_observation() -> None:
    cells = drawn(DRAWING)
    assert {row for row, _ in cells} == set(STATES) >= {state.value for state in AttemptState}
    assert {column for _, column in cells} == set(TOLD)


@pytest.mark.parametrize(("was", "said"), list(product(STATES, TOLD)))
def test_an_attempt_by_code_becomes_what_is_drawn(was: str, said: str) -> None:
    intent = failed() if was in RESOLVED else waiting()
    if was == "paid":
        intent = waiting(status=IntentStatus.SUCCEEDED, amount_received=2000)
    step = lifecycle.advance(intent, by_code(was), TOLD[said], now_ms=NOW_MS)
    assert step.attempt is not None
    assert step.attempt.state.value == drawn(DRAWING)[was, said]


@pytest.mark.parametrize(
    ("was", "said", "status", "events"),
    [
        ("recorded", "paid", "succeeded", ["payment_intent.succeeded"]),
        ("recorded", "pending", "requires_action", ["payment_intent.requires_action"]),
        ("open", "pending", "requires_action", []),
        ("recorded", "declined", "requires_payment_method", ["payment_intent.payment_failed"]),
        ("closing", "paid", "succeeded", ["payment_intent.succeeded"]),
        ("reversing", "paid", "requires_action", []),
        ("reversing", "unreversed", "succeeded", ["payment_intent.succeeded"]),
        ("reversing", "closed", "requires_payment_method", ["payment_intent.payment_failed"]),
        ("reversing", "uncertain", "requires_action", []),
    ],
)
def test_the_merchant_is_told_once_what_became_true(was: str, said: str, status: str, events: list[str]) -> None:
    step = lifecycle.advance(waiting(), by_code(was), TOLD[said], now_ms=NOW_MS)
    assert step.intent.status.value == status
    assert [event.value for event in step.events] == events
    assert step.attempt is not None
    again = lifecycle.advance(step.intent, step.attempt, TOLD[said], now_ms=NOW_MS)
    assert (again.intent, again.attempt, again.events) == (step.intent, step.attempt, ())
    assert again.discrepancy is None


@pytest.mark.parametrize("was", RESOLVED)
def test_money_for_which_the_shop_no_longer_waits_is_late_and_sells_nothing(was: str) -> None:
    step = lifecycle.advance(failed(), by_code(was), paid(), now_ms=NOW_MS)
    assert step.intent == failed()
    assert step.events == ()
    assert step.discrepancy is not None
    assert step.discrepancy.kind is DiscrepancyKind.LATE
    assert step.attempt is not None
    assert lifecycle.advance(step.intent, step.attempt, paid(), now_ms=NOW_MS).discrepancy is None


def test_whoever_shows_the_code_may_pay_and_everything_else_is_compared() -> None:
    assert lifecycle.advance(waiting(), by_code(), paid(payer="oAnybody"), now_ms=NOW_MS).discrepancy is None
    wrong = lifecycle.advance(waiting(), by_code(), paid(amount=1), now_ms=NOW_MS)
    assert wrong.discrepancy is not None
    assert wrong.discrepancy.kind is DiscrepancyKind.WRONG


@pytest.mark.parametrize(
    ("was", "said", "decline"),
    [("reversing", Closed("REVOKED"), "order_reversed"), ("open", Closed("PAYERROR"), "order_closed")],
)
def test_the_error_says_what_the_shop_does_next(was: str, said: Observation, decline: str) -> None:
    error = lifecycle.advance(waiting(), by_code(was), said, now_ms=NOW_MS).intent.last_payment_error
    assert error is not None
    assert error.decline_code == decline
    assert "new payment code" in error.message


@pytest.mark.parametrize(("after_ms", "becomes"), [(IN_FLIGHT_MS_MAX - 1, "uncertain"), (IN_FLIGHT_MS_MAX, "closed")])
def test_a_charge_that_wechat_does_not_know_may_still_be_on_its_way_for_a_minute(after_ms: int, becomes: str) -> None:
    step = lifecycle.advance(waiting(), by_code("uncertain"), Absent(), now_ms=NOW_MS + after_ms)
    assert step.attempt is not None
    assert step.attempt.state.value == becomes


def test_a_reversal_is_noted_when_it_is_first_sent_and_never_for_what_has_ended() -> None:
    first = lifecycle.begin_reversal(waiting(), by_code("open"), now_ms=NOW_MS + 5)
    assert first.attempt is not None
    assert (first.attempt.state, first.attempt.reversal_sent_ms) == (AttemptState.CLOSING, NOW_MS + 5)
    second = lifecycle.begin_reversal(waiting(), first.attempt, now_ms=NOW_MS + 9)
    assert second.attempt == first.attempt
    assert lifecycle.begin_reversal(waiting(), by_code("paid"), now_ms=NOW_MS).attempt == by_code("paid")


def test_canceled_while_it_is_reversed_it_is_canceled_and_says_so_once() -> None:
    asked = lifecycle.cancel(waiting(), by_code("reversing"), reason=None, now_ms=NOW_MS)
    assert asked.attempt is not None
    assert asked.attempt.reversal_sent_ms == NOW_MS + 1
    step = lifecycle.advance(asked.intent, asked.attempt, Closed("REVOKED"), now_ms=NOW_MS)
    assert (step.intent.status, step.events) == (IntentStatus.CANCELED, (EventType.INTENT_CANCELED,))


@pytest.mark.parametrize("said", [paid(), Closed("REVOKED"), Unreversed(paid())])
def test_the_mark_of_the_code_goes_when_the_order_is_resolved(said: Observation) -> None:
    step = lifecycle.advance(
        waiting(), by_code("reversing" if isinstance(said, Unreversed) else "open"), said, now_ms=1
    )
    assert step.attempt is not None
    assert step.attempt.code_mark is None
    kept = lifecycle.advance(waiting(), by_code("open"), Pending("USERPAYING"), now_ms=NOW_MS).attempt
    assert kept is not None
    assert kept.code_mark == "a mark"


# --- when it is looked at ------------------------------------------------------------------------


def look_in_ms(attempt: Attempt, *, tries: int, after_ms: int) -> int:
    """In how many milliseconds after that moment it is looked at."""
    now_ms = NOW_MS + after_ms
    return next_look_ms(attempt, tries=tries, now_ms=now_ms, look_after_s=(600,)) - now_ms


@pytest.mark.parametrize("state", ["recorded", "uncertain", "open"])
@pytest.mark.parametrize("tries", [0, 3, 99])
def test_it_is_asked_for_every_few_seconds_until_the_time_for_the_pin_is_over(state: str, tries: int) -> None:
    limit_ms = PIN_WAIT_S_MAX * 1000
    assert look_in_ms(by_code(state), tries=tries, after_ms=100) == CODE_LOOK_EVERY_S * 1000
    assert look_in_ms(by_code(state), tries=tries, after_ms=limit_ms - 7) == 7
    assert 0 < look_in_ms(by_code(state), tries=tries, after_ms=limit_ms) <= 600_000


def test_a_reversal_is_not_due_before_it_may_be_sent_and_is_repeated_with_growing_pauses() -> None:
    earliest_ms = REVERSE_AFTER_S_MIN * 1000
    assert look_in_ms(by_code("closing"), tries=0, after_ms=0) == earliest_ms
    pauses = [look_in_ms(by_code("reversing"), tries=tries, after_ms=earliest_ms) for tries in range(9)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 1_000
    assert pauses[-1] <= 600_000


# --- the code itself --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [CODE, "100000000000000000", "159999999999999999"])
def test_a_payment_code_is_read_and_never_shown(text: str) -> None:
    code = parse_code(text, param="p")
    assert code.digits == text
    assert text not in f"{code} {code!r} {code.mark('1')}"


@pytest.mark.parametrize("text", ["", "16" + "0" * 16, "13" + "0" * 15, CODE + "0", CODE + "\n", "１" * 18, "1e17"])
def test_what_is_no_payment_code_is_refused_by_name_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_code(text, param="p")
    assert refused.value.param == "p"
    assert not text or text not in refused.value.message


def test_a_mark_tells_the_same_code_again_and_is_another_for_every_order() -> None:
    code = PaymentCode(CODE)
    assert code.mark("order1") == PaymentCode(CODE).mark("order1")
    assert code.mark("order1") != code.mark("order2")
    assert code.mark("order1") != replace(code, digits="132993614656096755").mark("order1")

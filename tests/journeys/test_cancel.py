"""Journeys with a cancel: closed at WeChat first, so an intent ends canceled or paid, never both and never neither."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.journeys.reckoning import (
    CANCELED,
    SUCCEEDED,
    attempts_of,
    discrepancies_of,
    events_of,
    new_buyer,
    reckon,
)
from tests.support.stack import OFFICIAL_ACCOUNT, Answer, RunningStack

ROUNDS = 12
FINAL = ("canceled", "succeeded")


def cancel(stack: RunningStack, intent: dict[str, Any]) -> Answer:
    return stack.call("POST", f"/v1/payment_intents/{intent['id']}/cancel")


def wait_final(stack: RunningStack, intent: dict[str, Any]) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = stack.intent(intent["id"])
        return found if found["status"] in FINAL else None

    return stack.wait_for(look, f"{intent['id']} to be final")


@pytest.mark.parametrize("terminal", ["official_account", "mini_program"])
def test_canceled_is_closed_at_wechat_and_cannot_be_paid(stack: RunningStack, terminal: str) -> None:
    intent = stack.confirmed_intent(terminal)
    answer = cancel(stack, intent)
    assert answer.status == 200
    assert answer.json()["status"] == "canceled"
    assert stack.pay(intent)["err_desc"] == "该订单已失效"
    reckon(stack, intent, paid=False)
    assert stack.order(intent)["trade_state"] == "CLOSED"


def test_canceled_before_an_order_exists_calls_nobody(stack: RunningStack) -> None:
    intent = stack.create_intent()
    assert cancel(stack, intent).json()["status"] == "canceled"
    assert attempts_of(stack, intent) == []
    reckon(stack, intent, paid=False)


def race(stack: RunningStack, number: int) -> tuple[dict[str, Any], Answer, dict[str, Any]]:
    """The merchant cancels while the buyer pays, both at the same moment."""
    buyer = new_buyer(stack)
    how = stack.paying_with(openid=buyer["openids"][OFFICIAL_ACCOUNT])
    intent = stack.create_intent(amount=100 + number, confirm=True, **how)
    ready = threading.Barrier(2)

    def pay() -> dict[str, Any]:
        ready.wait()
        return stack.pay(intent, buyer=buyer["id"])

    with ThreadPoolExecutor(1) as payer:
        paying = payer.submit(pay)
        ready.wait()
        canceled = cancel(stack, intent)
        return intent, canceled, paying.result()


def test_cancel_against_payment_has_exactly_one_winner(stack: RunningStack) -> None:
    with ThreadPoolExecutor(4) as crowd:
        rounds = list(crowd.map(lambda number: race(stack, number), range(ROUNDS)))
    for intent, canceled, heard in rounds:
        found = wait_final(stack, intent)
        paid = heard["err_msg"] == "get_brand_wcpay_request:ok"
        assert found["status"] == ("succeeded" if paid else "canceled")
        assert canceled.status == (400 if paid else 200)
        if paid:
            assert canceled.json()["error"]["code"] == "payment_intent_unexpected_state"
        reckon(stack, intent, paid=paid)
        assert len(events_of(stack, intent, SUCCEEDED)) + len(events_of(stack, intent, CANCELED)) == 1
        assert discrepancies_of(stack, intent) == []


@pytest.mark.parametrize(
    "fault", ["drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "bad_signature"]
)
def test_a_lost_close_does_not_leave_the_cancel_stuck(stack: RunningStack, fault: str) -> None:
    intent = stack.confirmed_intent()
    stack.mischief(api=[{"fault": fault, "path": "close", "times": 1}])
    answer = cancel(stack, intent)
    assert answer.status == 200
    assert "next_action" not in answer.json()
    assert wait_final(stack, intent)["status"] == "canceled"
    reckon(stack, intent, paid=False)


def test_a_cancel_that_finds_the_order_paid_answers_that_it_was_paid(stack: RunningStack) -> None:
    stack.mischief(notices={"hold": 1})
    intent = stack.confirmed_intent()
    stack.pay(intent)
    answer = cancel(stack, intent)
    assert answer.status == 400
    assert answer.json()["error"]["code"] == "payment_intent_unexpected_state"
    found = reckon(stack, intent)
    assert "cancellation_reason" not in found


def test_paid_while_the_close_was_lost_is_paid_and_no_longer_being_canceled(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    stack.mischief(api=[{"fault": "drop_before", "path": "any", "times": 2}], notices={"hold": 1})
    answer = cancel(stack, intent)
    assert answer.json()["status"] == "requires_action"
    assert stack.pay(intent)["err_msg"] == "get_brand_wcpay_request:ok"
    found = reckon(stack, intent)
    assert "cancellation_reason" not in found
    assert events_of(stack, intent, CANCELED) == []


def test_canceling_twice_at_once_is_one_cancel(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    with ThreadPoolExecutor(4) as crowd:
        answers = list(crowd.map(lambda _: cancel(stack, intent), range(4)))
    assert {answer.status for answer in answers} <= {200, 400}
    assert 200 in {answer.status for answer in answers}
    assert wait_final(stack, intent)["status"] == "canceled"
    reckon(stack, intent, paid=False)


def test_another_payer_gets_another_order_only_after_the_first_is_closed(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    other = new_buyer(stack)
    how = stack.paying_with(openid=other["openids"][OFFICIAL_ACCOUNT])
    second = stack.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", how)
    assert stack.pay(intent)["err_desc"] == "该订单已失效"
    stack.pay(second, buyer=other["id"])
    reckon(stack, intent)
    assert [attempt["state"] for attempt in attempts_of(stack, intent)] == ["closed", "paid"]

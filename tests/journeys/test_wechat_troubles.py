"""Journeys while WeChat answers badly, late or not at all: unknown is not failed, and one number is one order."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.journeys.reckoning import attempts_of, events_of, new_buyer, reckon
from tests.support.stack import OFFICIAL_ACCOUNT, RunningStack

BAD_ANSWERS = [
    "drop_before",
    "drop_after",
    "error_500_before",
    "error_500_after",
    "html_502",
    "limit_429",
    "truncate",
    "unsigned",
    "bad_signature",
    "probe",
    "unknown_serial",
]


def orders_like(stack: RunningStack, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """Every order that WeChat has under the intent's description."""
    orders: list[dict[str, Any]] = stack.desk("GET", "/orders")["orders"]
    return [order for order in orders if order["description"] == intent["description"]]


def confirmed(stack: RunningStack, name: str) -> dict[str, Any]:
    return stack.confirmed_intent(description=f"Tea {name} {uuid4().hex}")


def wait_payable(stack: RunningStack, intent: dict[str, Any]) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = stack.intent(intent["id"])
        assert found["status"] == "requires_action"
        return found if "next_action" in found else None

    return stack.wait_for(look, f"{intent['id']} to be payable")


@pytest.mark.parametrize("fault", BAD_ANSWERS)
def test_one_bad_answer_to_an_order_costs_the_buyer_nothing(stack: RunningStack, fault: str) -> None:
    stack.mischief(api=[{"fault": fault, "path": "order", "times": 1}])
    intent = confirmed(stack, fault)
    assert intent["status"] == "requires_action"
    assert "next_action" in intent
    assert len(orders_like(stack, intent)) == 1
    stack.pay(intent)
    reckon(stack, intent)


@pytest.mark.parametrize("fault", BAD_ANSWERS)
def test_an_order_of_unknown_fate_becomes_payable_by_itself(stack: RunningStack, fault: str) -> None:
    stack.mischief(api=[{"fault": fault, "path": "any", "times": None}])
    intent = confirmed(stack, fault)
    assert intent["status"] == "requires_action"
    assert "next_action" not in intent
    assert "last_payment_error" not in intent
    assert events_of(stack, intent, "payment_intent.payment_failed") == []
    stack.behave()
    payable = wait_payable(stack, intent)
    assert len(orders_like(stack, intent)) == 1
    assert len(attempts_of(stack, intent)) == 1
    stack.pay(payable)
    reckon(stack, intent)


@pytest.mark.parametrize("fault", ["error_500_after", "drop_after", "unsigned"])
def test_paid_though_we_never_saw_the_order_being_taken(stack: RunningStack, fault: str) -> None:
    """The buyer cannot have our parameters, but WeChat's word that it is paid counts all the same."""
    buyer = new_buyer(stack)
    how = stack.paying_with(openid=buyer["openids"][OFFICIAL_ACCOUNT])
    stack.mischief(api=[{"fault": fault, "path": "any", "times": None}], notices={"lose": True})
    intent = stack.create_intent(confirm=True, **how)
    assert "next_action" not in intent
    told = {"out_trade_no": stack.out_trade_no(intent)}
    paid = stack.desk("POST", f"/buyers/{buyer['id']}/pay_order", told)
    assert paid["order"]["trade_state"] == "SUCCESS"
    stack.behave()
    reckon(stack, intent)


def test_confirming_again_while_the_first_fate_is_unknown_uses_the_same_number(stack: RunningStack) -> None:
    stack.mischief(api=[{"fault": "drop_after", "path": "any", "times": 3}])
    intent = confirmed(stack, "again")
    again = stack.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", stack.paying_with())
    assert again["status"] == "requires_action"
    payable = wait_payable(stack, intent)
    assert len(attempts_of(stack, intent)) == 1
    assert len(orders_like(stack, intent)) == 1
    stack.pay(payable)
    reckon(stack, intent)


def test_an_answer_later_than_our_limit_is_asked_for_again_with_the_same_number(stack: RunningStack) -> None:
    stack.mischief(api=[{"fault": "latency", "path": "order", "times": 1, "latency_s": 4}])
    intent = confirmed(stack, "slow")
    payable = wait_payable(stack, intent)
    assert len(attempts_of(stack, intent)) == 1
    stack.wait_for(lambda: len(orders_like(stack, intent)) == 1, "WeChat to have the order")
    stack.pay(payable)
    reckon(stack, intent)


def test_wechat_slow_for_long_leaves_the_intent_waiting_and_then_payable(stack: RunningStack) -> None:
    stack.mischief(api=[{"fault": "latency", "path": "order", "times": 3, "latency_s": 4}])
    intent = confirmed(stack, "slower")
    assert intent["status"] == "requires_action"
    assert "next_action" not in intent
    payable = wait_payable(stack, intent)
    assert len(orders_like(stack, intent)) == 1
    stack.pay(payable)
    reckon(stack, intent)


def test_an_answer_that_drips_longer_than_the_whole_limit_is_given_up_and_asked_again(stack: RunningStack) -> None:
    stack.mischief(api=[{"fault": "slow_body", "path": "order", "times": 1, "latency_s": 6}])
    intent = confirmed(stack, "drip")
    payable = wait_payable(stack, intent)
    stack.pay(payable)
    reckon(stack, intent)


def test_a_bad_answer_to_a_query_changes_nothing_and_the_next_one_counts(stack: RunningStack) -> None:
    faults = ["truncate", "unsigned", "html_502"]
    stack.mischief(api=[{"fault": fault, "path": "query", "times": 1} for fault in faults], notices={"lose": True})
    intent = confirmed(stack, "query")
    stack.pay(intent)
    reckon(stack, intent)
    tampered = [fault["fault"] for fault in stack.desk("GET", "/mischief")["api"]]
    assert len(tampered) < len(faults)


def test_declined_by_wechat_is_told_at_once_and_can_be_confirmed_again(stack: RunningStack) -> None:
    wrong = stack.paying_with(openid="o" + "x" * 27)
    intent = stack.create_intent(confirm=True, **wrong)
    assert intent["status"] == "requires_payment_method"
    assert intent["last_payment_error"]["code"] == "payment_method_provider_decline"
    reckon(stack, intent, paid=False)
    second = stack.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", stack.paying_with())
    assert second["status"] == "requires_action"
    stack.pay(second)
    reckon(stack, intent)

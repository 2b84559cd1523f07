"""Journeys of requests that cross: at no moment can two orders of one intent be paid, and no order is forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.journeys.reckoning import attempts_of, change, new_buyer, reckon
from tests.support.stack import OFFICIAL_ACCOUNT, Answer, RunningStack

PAYERS = 5
IN_FLIGHT_MS_MAX = 60_000


def orders_at_wechat(stack: RunningStack, intent: dict[str, Any]) -> dict[str, str]:
    """The state that WeChat gives each order of the intent that it knows."""
    numbers = {attempt["out_trade_no"] for attempt in attempts_of(stack, intent)}
    orders = stack.desk("GET", "/orders")["orders"]
    return {order["out_trade_no"]: order["trade_state"] for order in orders if order["out_trade_no"] in numbers}


def confirm(stack: RunningStack, intent: dict[str, Any], buyer: dict[str, Any]) -> Answer:
    how = stack.paying_with(openid=buyer["openids"][OFFICIAL_ACCOUNT])
    return stack.call("POST", f"/v1/payment_intents/{intent['id']}/confirm", how)


def cancel(stack: RunningStack, intent: dict[str, Any]) -> dict[str, Any]:
    return stack.api("POST", f"/v1/payment_intents/{intent['id']}/cancel")


def test_many_payers_at_once_leave_one_payable_order_at_most(stack: RunningStack) -> None:
    intent = stack.create_intent()
    buyers = [new_buyer(stack) for _ in range(PAYERS)]
    with ThreadPoolExecutor(PAYERS) as crowd:
        answers = list(crowd.map(lambda buyer: confirm(stack, intent, buyer), buyers))
    assert {answer.status for answer in answers} <= {200, 400}
    assert list(orders_at_wechat(stack, intent).values()).count("NOTPAY") <= 1
    last = stack.wait_for(
        lambda: answer if (answer := confirm(stack, intent, buyers[0])).status == 200 else None,
        "the first buyer to be the one who pays",
    ).json()
    assert list(orders_at_wechat(stack, intent).values()).count("NOTPAY") == 1
    stack.pay(last, buyer=buyers[0]["id"])
    reckon(stack, intent)


def test_a_cancel_that_overtakes_the_order_closes_it_when_it_arrives(stack: RunningStack) -> None:
    intent = stack.create_intent()
    how = stack.paying_with()
    stack.mischief(api=[{"fault": "latency", "path": "order", "times": 1, "latency_s": 2.5}])
    with ThreadPoolExecutor(1) as client:
        confirming = client.submit(stack.api, "POST", f"/v1/payment_intents/{intent['id']}/confirm", how)
        stack.wait_for(lambda: attempts_of(stack, intent), "the order to be written down")
        canceled = cancel(stack, intent)
        assert canceled["status"] == "requires_action"
        assert "next_action" not in confirming.result()
    stack.wait_status(intent["id"], "canceled")
    assert list(orders_at_wechat(stack, intent).values()) == ["CLOSED"]
    reckon(stack, intent, paid=False)


def test_a_cancel_of_an_order_that_wechat_took_unknown_to_us_closes_it(stack: RunningStack) -> None:
    stack.mischief(api=[{"fault": "drop_after", "path": "any", "times": 3}])
    intent = stack.confirmed_intent()
    assert "next_action" not in intent
    stack.behave()
    assert cancel(stack, intent)["status"] == "canceled"
    assert list(orders_at_wechat(stack, intent).values()) == ["CLOSED"]
    reckon(stack, intent, paid=False)


def test_a_cancel_of_an_order_that_never_arrived_waits_until_it_cannot_arrive(stack: RunningStack) -> None:
    stack.mischief(api=[{"fault": "drop_before", "path": "order", "times": None}])
    intent = stack.confirmed_intent()
    assert cancel(stack, intent)["status"] == "requires_action"
    assert [attempt["state"] for attempt in attempts_of(stack, intent)] == ["closing"]
    attempt = attempts_of(stack, intent)[0]["id"]
    change(stack, "UPDATE attempts SET sent_ms = sent_ms - ? WHERE id = ?", IN_FLIGHT_MS_MAX, attempt)
    stack.wait_status(intent["id"], "canceled")
    assert orders_at_wechat(stack, intent) == {}
    reckon(stack, intent, paid=False)


def test_confirm_and_cancel_at_once_end_canceled_or_payable_and_never_both(stack: RunningStack) -> None:
    intents = [stack.create_intent() for _ in range(8)]
    buyer = new_buyer(stack)
    with ThreadPoolExecutor(8) as crowd:
        confirmed = [crowd.submit(confirm, stack, intent, buyer) for intent in intents]
        canceled = [
            crowd.submit(stack.call, "POST", f"/v1/payment_intents/{intent['id']}/cancel") for intent in intents
        ]
        assert {asked.result().status for asked in confirmed} <= {200, 400}
        assert {asked.result().status for asked in canceled} == {200}
    for intent in intents:
        stack.wait_status(intent["id"], "canceled")
        assert set(orders_at_wechat(stack, intent).values()) <= {"CLOSED"}
        reckon(stack, intent, paid=False)

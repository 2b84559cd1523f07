"""Journeys against the clock: orders that expire, there or here, and news that comes an hour late."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.reckoning import (
    FAILED,
    attempts_of,
    body_of,
    change,
    discrepancies_of,
    events_of,
    notices_of,
    real_notice,
    reckon,
)
from tests.support.stack import RunningStack, running

HOUR_S = 3600
MORE_THAN_TWO_HOURS_S = 2 * HOUR_S + 60
IN_FLIGHT_MS_MAX = 60_000


@pytest.fixture(scope="module")
def shared_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    yield from running(tmp_path_factory.mktemp("expiry") / "stack")


@pytest.fixture
def clocked(shared_time: RunningStack) -> RunningStack:
    """A stack whose clock these tests may turn; everything else runs at its own pace."""
    shared_time.behave()
    return shared_time


def turn_clock(stack: RunningStack, seconds: int) -> None:
    """WeChat's time goes on; ours does not."""
    stack.desk("POST", "/clock", {"advance_s": seconds})


def our_time_is_over(stack: RunningStack, intent: dict[str, Any]) -> None:
    """Move the order's last moment to now, by our clock."""
    attempt = attempts_of(stack, intent)[-1]["id"]
    now_ms = time.time_ns() // 1_000_000
    change(
        stack,
        "UPDATE attempts SET expires_ms = ?, sent_ms = sent_ms - ? WHERE id = ?",
        now_ms,
        IN_FLIGHT_MS_MAX,
        attempt,
    )
    change(stack, "UPDATE poll_queue SET due_ms = ? WHERE attempt_id = ?", now_ms, attempt)


def pay_with_a_new_order(stack: RunningStack, intent: dict[str, Any]) -> None:
    """Confirm again: another number, and the money is booked once."""
    before = attempts_of(stack, intent)
    again = stack.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", stack.paying_with())
    assert "last_payment_error" not in again
    stack.pay(again)
    reckon(stack, intent)
    after = attempts_of(stack, intent)
    assert [row["state"] for row in after] == [*(row["state"] for row in before), "paid"]
    assert len({row["out_trade_no"] for row in after}) == len(after)


def failed_once(stack: RunningStack, intent: dict[str, Any], code: str) -> dict[str, Any]:
    """The intent waits for another payment method, and the merchant was told why, once."""
    found = stack.wait_status(intent["id"], "requires_payment_method")
    assert found["last_payment_error"]["code"] == code
    assert "next_action" not in found
    (event,) = events_of(stack, intent, FAILED)
    assert body_of(event)["data"]["object"]["last_payment_error"]["code"] == code
    reckon(stack, intent, paid=False)
    return found


def test_an_order_that_expired_at_wechat_fails_and_is_paid_with_a_new_one(clocked: RunningStack) -> None:
    intent = clocked.confirmed_intent()
    turn_clock(clocked, MORE_THAN_TWO_HOURS_S)
    assert clocked.pay(intent)["err_msg"] == "get_brand_wcpay_request:fail"
    failed_once(clocked, intent, "payment_intent_payment_attempt_expired")
    assert clocked.order(intent)["trade_state"] == "CLOSED"
    pay_with_a_new_order(clocked, intent)


def test_an_order_whose_time_is_over_here_is_closed_there_and_paid_with_a_new_one(clocked: RunningStack) -> None:
    intent = clocked.confirmed_intent()
    assert clocked.order(intent)["trade_state"] == "NOTPAY"
    our_time_is_over(clocked, intent)
    failed_once(clocked, intent, "payment_intent_payment_attempt_expired")
    assert clocked.order(intent)["trade_state"] == "CLOSED"
    assert clocked.pay(intent)["err_desc"] == "该订单已失效"
    pay_with_a_new_order(clocked, intent)


def test_an_expired_order_whose_close_is_lost_is_closed_all_the_same(clocked: RunningStack) -> None:
    intent = clocked.confirmed_intent()
    clocked.mischief(api=[{"fault": "drop_before", "path": "close", "times": 2}])
    our_time_is_over(clocked, intent)
    failed_once(clocked, intent, "payment_intent_payment_attempt_expired")
    assert clocked.order(intent)["trade_state"] == "CLOSED"


def test_paid_in_the_last_moment_is_paid_though_nobody_told_us(clocked: RunningStack) -> None:
    clocked.mischief(api=[{"fault": "drop_before", "path": "query", "times": None}], notices={"lose": True})
    intent = clocked.confirmed_intent()
    clocked.pay(intent)
    our_time_is_over(clocked, intent)
    clocked.wait_for(lambda: attempts_of(clocked, intent)[0]["state"] == "closing", "the close to be tried")
    assert clocked.intent(intent["id"])["status"] == "requires_action"
    clocked.behave()
    reckon(clocked, intent)
    assert events_of(clocked, intent, FAILED) == []


def test_an_order_that_never_arrived_ends_as_a_timeout_and_not_as_a_decline(clocked: RunningStack) -> None:
    clocked.mischief(api=[{"fault": "drop_before", "path": "order", "times": None}])
    intent = clocked.confirmed_intent()
    assert "next_action" not in intent
    our_time_is_over(clocked, intent)
    failed_once(clocked, intent, "payment_method_provider_timeout")
    clocked.behave()
    pay_with_a_new_order(clocked, intent)


def test_a_notice_that_comes_an_hour_late_still_pays(clocked: RunningStack) -> None:
    clocked.mischief(api=[{"fault": "drop_before", "path": "query", "times": None}], notices={"lose": {"times": 6}})
    intent = clocked.confirmed_intent()
    clocked.pay(intent)
    assert clocked.intent(intent["id"])["status"] == "requires_action"
    turn_clock(clocked, HOUR_S)
    found = reckon(clocked, intent)
    assert found["status"] == "succeeded"
    tries = real_notice(clocked, intent)["deliveries"]
    assert tries[0]["error"] == "Lost"
    assert tries[-1]["status"] == 204


def test_the_same_notice_again_an_hour_later_changes_nothing(clocked: RunningStack) -> None:
    intent = clocked.confirmed_intent()
    clocked.pay(intent)
    before = reckon(clocked, intent)
    turn_clock(clocked, HOUR_S)
    answer = clocked.desk("POST", f"/notices/{real_notice(clocked, intent)['id']}/send")
    assert [item["status"] for item in answer["deliveries"]] == [204]
    assert reckon(clocked, intent) == before
    assert [row["times_seen"] for row in notices_of(clocked, intent)] == [2]
    assert discrepancies_of(clocked, intent) == []


def test_a_cancel_that_was_asked_for_and_never_confirmed_ends_when_wechat_is_back(clocked: RunningStack) -> None:
    intent = clocked.confirmed_intent()
    clocked.mischief(api=[{"fault": "drop_before", "path": "any", "times": None}])
    asked = clocked.api("POST", f"/v1/payment_intents/{intent['id']}/cancel", {"cancellation_reason": "duplicate"})
    assert asked["status"] == "requires_action"
    refused = clocked.call("POST", f"/v1/payment_intents/{intent['id']}/confirm", clocked.paying_with())
    assert refused.status == 400
    assert refused.json()["error"]["code"] == "payment_intent_unexpected_state"
    turn_clock(clocked, MORE_THAN_TWO_HOURS_S)
    clocked.behave()
    found = clocked.wait_status(intent["id"], "canceled")
    assert found["cancellation_reason"] == "duplicate"
    reckon(clocked, intent, paid=False)

"""Journeys that end paid: whoever tells us, however often and in whatever order, the money is booked once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.journeys.reckoning import (
    attempts_of,
    events_of,
    new_buyer,
    notices_of,
    real_notice,
    reckon,
)
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack

TERMINALS = ["official_account", "mini_program"]
APP_OF = {"official_account": OFFICIAL_ACCOUNT, "mini_program": MINI_PROGRAM}


@pytest.mark.parametrize("terminal", TERMINALS)
def test_paid_and_every_book_agrees(stack: RunningStack, terminal: str) -> None:
    buyer = new_buyer(stack)
    openid = buyer["openids"][APP_OF[terminal]]
    intent = stack.create_intent(amount=1234, confirm=True, **stack.paying_with(terminal, openid=openid))
    assert intent["status"] == "requires_action"
    answer = stack.pay(intent, buyer=buyer["id"])
    assert answer["err_msg"].endswith(":ok")
    found = reckon(stack, intent)
    assert found["amount"] == 1234
    assert stack.order(intent)["payer"]["openid"] == openid
    assert stack.desk("GET", f"/buyers/{buyer['id']}")["balance"] == buyer["balance"] - 1234


@pytest.mark.parametrize("terminal", TERMINALS)
def test_paid_though_every_notice_was_lost(stack: RunningStack, terminal: str) -> None:
    stack.mischief(notices={"lose": True})
    intent = stack.confirmed_intent(terminal)
    stack.pay(intent)
    reckon(stack, intent)
    assert notices_of(stack, intent) == []
    assert {item["error"] for item in real_notice(stack, intent)["deliveries"]} == {"Lost"}


def test_paid_once_though_told_eight_times_at_once(stack: RunningStack) -> None:
    stack.mischief(notices={"concurrently": {"times": 1, "copies": 8}})
    intent = stack.confirmed_intent()
    stack.pay(intent)
    notice = real_notice(stack, intent)
    assert [item["status"] for item in notice["deliveries"]] == [204] * 8
    reckon(stack, intent)
    (row,) = notices_of(stack, intent)
    assert row["times_seen"] == 8
    assert row["verdict"] == "settled"


def test_paid_once_though_eight_different_notices_came_at_once(stack: RunningStack) -> None:
    stack.mischief(notices={"hold": 1})
    intent = stack.confirmed_intent()
    stack.pay(intent)
    wish = {
        "url": f"{stack.web_url}/notices/wechat_v3/1900000109",
        "out_trade_no": stack.out_trade_no(intent),
    }
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: stack.desk("POST", "/notices/forge", wish), range(8)))
    assert [answer["status"] for answer in answers] == [204] * 8
    reckon(stack, intent)
    assert [row["times_seen"] for row in notices_of(stack, intent)] == [1] * 8
    stack.desk("POST", f"/notices/{real_notice(stack, intent)['id']}/release")
    assert len(events_of(stack, intent, "payment_intent.succeeded")) == 1


def test_paid_once_though_told_twice(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    stack.pay(intent)
    before = reckon(stack, intent)
    again = stack.desk("POST", f"/notices/{real_notice(stack, intent)['id']}/send", {"times": 2})
    assert [item["status"] for item in again["deliveries"]] == [204, 204]
    assert reckon(stack, intent) == before
    (row,) = notices_of(stack, intent)
    assert row["times_seen"] == 3


@pytest.mark.parametrize("terminal", TERMINALS)
def test_the_notice_may_come_before_the_answer_to_our_order(stack: RunningStack, terminal: str) -> None:
    stack.mischief(api=[{"fault": "paid_before_reply", "path": "order", "times": 1}])
    intent = stack.confirmed_intent(terminal)
    assert intent["status"] == "succeeded"
    assert intent["amount_received"] == intent["amount"]
    reckon(stack, intent)
    (attempt,) = attempts_of(stack, intent)
    assert attempt["state"] == "paid"


@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize(("outcome", "heard"), [("pay_but_report_cancel", "cancel"), ("pay_and_say_nothing", None)])
def test_paid_whatever_the_phone_said(stack: RunningStack, terminal: str, outcome: str, heard: str | None) -> None:
    intent = stack.confirmed_intent(terminal)
    answer = stack.pay(intent, outcome=outcome)
    assert (answer["err_msg"] or "").endswith(heard or "")
    reckon(stack, intent)


@pytest.mark.parametrize("outcome", ["cancel", "wrong_password", "fail", "no_money"])
def test_an_order_that_the_buyer_left_stays_open_and_can_be_paid(stack: RunningStack, outcome: str) -> None:
    intent = stack.confirmed_intent()
    stack.pay(intent, outcome=outcome)
    found = reckon(stack, intent, paid=False)
    assert found["status"] == "requires_action"
    assert found["next_action"] == intent["next_action"]
    stack.pay(intent)
    reckon(stack, intent)
    assert len(attempts_of(stack, intent)) == 1


def test_two_pages_of_one_intent_get_one_order(stack: RunningStack) -> None:
    intent = stack.create_intent()
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    how = stack.paying_with()
    with ThreadPoolExecutor(6) as crowd:
        shown: list[dict[str, Any]] = list(crowd.map(lambda _: stack.api("POST", path, how), range(6)))
    assert {page["status"] for page in shown} == {"requires_action"}
    assert len(attempts_of(stack, intent)) == 1
    stack.pay(shown[-1])
    stack.pay(shown[0])
    reckon(stack, intent)
    assert notices_of(stack, intent)[0]["verdict"] == "settled"

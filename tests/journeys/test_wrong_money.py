"""Journeys of money that does not fit: recorded once and told, while the intent stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from tests.journeys.reckoning import (
    DISCREPANCY,
    attempts_of,
    body_of,
    discrepancies_of,
    forge,
    new_buyer,
    notices_of,
    reckon,
)
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack


def told_of(stack: RunningStack, discrepancy: dict[str, Any]) -> dict[str, Any]:
    """What the merchant's shop was told about a discrepancy: exactly one event, verified."""
    (event,) = stack.rows("SELECT * FROM events WHERE subject_id = ? AND type = ?", discrepancy["id"], DISCREPANCY)
    stack.wait_for(
        lambda: [
            webhook
            for webhook in stack.desk("GET", "/shop/webhooks")["webhooks"]
            if webhook["event_id"] == f"evt_{event['id']}" and webhook["verified"]
        ],
        "the shop to hear of the discrepancy",
    )
    subject: dict[str, Any] = body_of(event)["data"]["object"]
    return subject


def test_late_money_is_recorded_once_and_the_intent_stays_canceled(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    stack.api("POST", f"/v1/payment_intents/{intent['id']}/cancel")
    before = reckon(stack, intent, paid=False)
    transaction = {"transaction_id": f"42000099{intent['id'][-19:]}"}
    for _ in range(2):
        assert forge(stack, intent, plaintext_overrides=transaction)["status"] == 204
    (found,) = discrepancies_of(stack, intent)
    assert (found["kind"], found["amount"], found["currency"]) == ("late", 2000, "CNY")
    assert found["transaction_id"] == transaction["transaction_id"]
    assert reckon(stack, intent, paid=False) == before
    subject = told_of(stack, found)
    assert subject["payment_intent"] == intent["id"]
    assert (subject["kind"], subject["amount"], subject["status"]) == ("late", 2000, "open")
    assert [row["verdict"] for row in notices_of(stack, intent)] == ["discrepancy: late", "settled"]


def test_late_money_told_eight_times_at_once_is_one_discrepancy(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    stack.api("POST", f"/v1/payment_intents/{intent['id']}/cancel")
    transaction = {"transaction_id": f"42000098{intent['id'][-19:]}"}
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: forge(stack, intent, plaintext_overrides=transaction), range(8)))
    assert [answer["status"] for answer in answers] == [204] * 8
    (found,) = discrepancies_of(stack, intent)
    told_of(stack, found)
    assert stack.intent(intent["id"])["status"] == "canceled"


WRONG: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("less", {"amount.total": 1999}, {"amount": 1999}),
    ("more", {"amount.total": 2001}, {"amount": 2001}),
    ("nothing", {"amount.total": 0}, {"amount": 0}),
    ("currency", {"amount.currency": "USD"}, {"currency": "USD"}),
    ("app", {"appid": MINI_PROGRAM}, {"app": MINI_PROGRAM}),
    ("merchant", {"mchid": "1900009999"}, {"merchant": "1900009999"}),
    ("payer", {"payer.openid": "o" + "z" * 27}, {"payer": "another openid"}),
    ("refunded", {"trade_state": "REFUND", "amount.total": 1}, {"amount": 1}),
]


@pytest.mark.parametrize(("name", "lie", "observed"), WRONG, ids=[name for name, _, _ in WRONG])
def test_wrong_money_is_recorded_and_the_true_notice_still_counts(
    stack: RunningStack, name: str, lie: Mapping[str, Any], observed: Mapping[str, Any]
) -> None:
    intent = stack.confirmed_intent()
    before = stack.intent(intent["id"])
    transaction = f"420{name:x<9}{intent['id'][-15:]}"
    overrides = {**lie, "transaction_id": transaction}
    assert forge(stack, intent, plaintext_overrides=overrides)["status"] == 204
    assert forge(stack, intent, plaintext_overrides=overrides)["status"] == 204
    (found,) = discrepancies_of(stack, intent)
    assert found["kind"] == "wrong"
    assert found["state"] == "open"
    assert found["transaction_id"] == transaction
    assert orjson.loads(found["observed"]) == dict(observed)
    assert stack.intent(intent["id"]) == before
    subject = told_of(stack, found)
    assert "o" + "z" * 27 not in str(subject)
    stack.pay(intent)
    reckon(stack, intent)
    assert len(discrepancies_of(stack, intent)) == 1


def test_double_money_for_one_order_is_recorded_and_the_first_payment_stands(stack: RunningStack) -> None:
    intent = stack.confirmed_intent(amount=4321)
    stack.pay(intent)
    before = reckon(stack, intent)
    overrides = {"transaction_id": f"42000097{intent['id'][-19:]}"}
    for _ in range(2):
        assert forge(stack, intent, plaintext_overrides=overrides)["status"] == 204
    (found,) = discrepancies_of(stack, intent)
    assert (found["kind"], found["amount"]) == ("double", 4321)
    assert told_of(stack, found)["kind"] == "double"
    assert reckon(stack, intent) == before


def test_double_money_through_two_orders_is_recorded_and_the_first_payment_stands(stack: RunningStack) -> None:
    """The first order was closed for another payer, and then its money comes after all."""
    intent = stack.confirmed_intent()
    first = attempts_of(stack, intent)[0]["out_trade_no"]
    other = new_buyer(stack)
    how = stack.paying_with(openid=other["openids"][OFFICIAL_ACCOUNT])
    second = stack.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", how)
    stack.pay(second, buyer=other["id"])
    before = reckon(stack, intent)
    assert forge(stack, intent, out_trade_no=first)["status"] == 204
    (found,) = discrepancies_of(stack, intent)
    assert (found["kind"], found["amount"]) == ("double", 2000)
    subject = told_of(stack, found)
    assert subject["out_trade_no"] == first
    assert stack.intent(intent["id"]) == before


def test_money_for_the_first_of_two_orders_closes_the_second(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    first = attempts_of(stack, intent)[0]["out_trade_no"]
    other = new_buyer(stack)
    how = stack.paying_with(openid=other["openids"][OFFICIAL_ACCOUNT])
    second = stack.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", how)
    assert forge(stack, intent, out_trade_no=first)["status"] == 204
    found = stack.wait_status(intent["id"], "succeeded")
    assert found["amount_received"] == 2000
    stack.wait_for(lambda: stack.order(intent)["trade_state"] == "CLOSED", "the second order to be closed")
    assert stack.pay(second, buyer=other["id"])["err_desc"] == "该订单已失效"
    stack.wait_for(
        lambda: [attempt["state"] for attempt in attempts_of(stack, intent)] == ["paid", "closed"],
        "the close of the second order to be settled",
    )
    assert discrepancies_of(stack, intent) == []


def test_money_for_an_order_that_we_never_made_is_recorded(stack: RunningStack) -> None:
    intent = stack.create_intent()
    transaction = f"42000096{intent['id'][-19:]}"
    wish = {
        "url": f"{stack.web_url}/notices/wechat_v3/1900000109",
        "out_trade_no": f"never{intent['id'][-19:]}",
        "plaintext_overrides": {"transaction_id": transaction, "amount.total": 77},
    }
    for _ in range(2):
        assert stack.desk("POST", "/notices/forge", wish)["status"] == 204
    (found,) = stack.rows("SELECT * FROM discrepancies WHERE transaction_id = ?", transaction)
    assert (found["kind"], found["amount"], found["intent_id"]) == ("unmatched", 77, None)
    assert told_of(stack, found)["observed"] == {"out_trade_no": wish["out_trade_no"]}

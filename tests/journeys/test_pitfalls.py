"""Where payment systems are known to lose money: one test for each way, named after its row in our list, M1 to M13.

M14 is about speed, which the bench measures.
M10 is about what the buyer's page believes: it is in `test_official_account_page.py`, beside the browser that it needs.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, Final

import orjson
import pytest

from tests.api.idempotent_requests import transfer_body
from tests.journeys.reckoning import (
    FAILED,
    SUCCEEDED,
    attempts_of,
    body_of,
    change,
    discrepancies_of,
    events_of,
    forge,
    new_buyer,
    notice_address,
    notices_of,
    number_of,
    real_notice,
    reckon,
)
from tests.journeys.test_expiry import our_time_is_over
from tests.journeys.test_refunds import paid, refund_of, wait_refund
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, QUICK, RunningStack
from wxbackend.development import ROOT

ORDERS: Final = 24


def asked_of_wechat(stack: RunningStack, number: str) -> list[str]:
    """The calls about an order or a refund in the order in which WeChat got them: their paths after the number."""
    requests = reversed(stack.desk("GET", "/requests?limit=100000")["requests"])
    return [entry["path"].partition(number)[2].partition("?")[0] for entry in requests if number in entry["path"]]


def late_for_the_close(stack: RunningStack, intent: dict[str, Any], path: str, body: dict[str, Any]) -> dict[str, Any]:
    """WeChat confirms the close that the call asks for, and the buyer's payment wins all the same; its held notice."""
    number = stack.out_trade_no(intent)
    stack.mischief(api=[{"fault": "paid_after_close", "path": "close", "times": 1}], notices={"hold": 1})
    stack.api("POST", path, body)
    stack.wait_for(lambda: stack.desk("GET", f"/orders/{number}")["trade_state"] == "SUCCESS", "the late payment")
    (notice,) = stack.desk("GET", f"/notices?out_trade_no={number}")["notices"]
    found: dict[str, Any] = notice
    return found


def given_back(stack: RunningStack, intent: dict[str, Any], kind: str) -> dict[str, Any]:
    """The one discrepancy of that kind, with its money back at the buyer."""
    (found,) = stack.wait_for(lambda: discrepancies_of(stack, intent), "the money to be recorded")
    assert found["kind"] == kind
    query = "SELECT * FROM refunds WHERE discrepancy_id = ? AND state = 'succeeded'"
    (refund,) = stack.wait_for(lambda: stack.rows(query, found["id"]), "the money to go back")
    books = stack.desk("GET", f"/refunds/{refund['out_refund_no']}")
    assert (books["status"], books["amount"]["refund"]) == ("SUCCESS", found["amount"])
    return refund


def test_m1_an_expired_order_is_queried_and_closed_upstream_before_it_is_closed_here(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    number = stack.out_trade_no(intent)
    stack.mischief(api=[{"fault": "error_500_before", "path": "close", "times": 1}])
    our_time_is_over(stack, intent)
    stack.wait_for(lambda: "/close" in asked_of_wechat(stack, number), "the close to be tried")
    found = stack.wait_status(intent["id"], "requires_payment_method")
    assert stack.order(intent)["trade_state"] == "CLOSED"
    assert found["last_payment_error"]["code"] == "payment_intent_payment_attempt_expired"
    asked = asked_of_wechat(stack, number)
    assert asked[0] == "", "queried first"
    assert asked.count("/close") == 2, "and not closed here before WeChat had closed it"
    assert attempts_of(stack, intent)[-1]["state"] == "closed"


def test_m2_money_for_a_closed_order_is_one_truth_and_can_be_refunded(stack: RunningStack) -> None:
    """The order expired and was closed; its money comes all the same, and the sale is still wanted."""
    intent = stack.confirmed_intent()
    stack.mischief(api=[{"fault": "paid_after_close", "path": "close", "times": 1}], notices={"hold": 1})
    our_time_is_over(stack, intent)
    stack.wait_status(intent["id"], "requires_payment_method")
    stack.desk("POST", f"/notices/{real_notice(stack, intent)['id']}/release")
    found = reckon(stack, intent)
    (told,) = stack.webhooks(intent, SUCCEEDED)
    assert told["subject"]["status"] == found["status"] == "succeeded"
    assert wait_refund(stack, refund_of(stack, intent), "succeeded")["amount"] == found["amount"]


def test_m2_money_for_a_canceled_intent_is_given_back_and_never_called_a_success(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    notice = late_for_the_close(stack, intent, f"/v1/payment_intents/{intent['id']}/cancel", {})
    stack.desk("POST", f"/notices/{notice['id']}/release")
    given_back(stack, intent, "late")
    assert stack.intent(intent["id"])["status"] == "canceled"
    assert events_of(stack, intent, SUCCEEDED) == []


@contextmanager
def nothing_can_be_kept(stack: RunningStack) -> Iterator[None]:
    """The inbox is out of reach, as on a full or broken disk."""
    with closing(sqlite3.connect(stack.stack.state / "wxbackend.db", timeout=10)) as db:
        db.execute("ALTER TABLE notices RENAME TO notices_out_of_reach")
        db.commit()
        yield
        db.execute("ALTER TABLE notices_out_of_reach RENAME TO notices")
        db.commit()


def test_m3_nothing_is_acknowledged_that_is_not_kept(stack: RunningStack) -> None:
    stack.mischief(api=[{"fault": "drop_before", "path": "query", "times": None}], notices={"hold": 1})
    intent = stack.confirmed_intent()
    stack.pay(intent)
    (notice,) = stack.desk("GET", f"/notices?out_trade_no={stack.out_trade_no(intent)}")["notices"]
    with nothing_can_be_kept(stack):
        refused = stack.desk("POST", f"/notices/{notice['id']}/send")["deliveries"]
        assert [item["status"] for item in refused] == [500]
        assert stack.intent(intent["id"])["status"] == "requires_action"
    taken = stack.desk("POST", f"/notices/{notice['id']}/send")["deliveries"]
    assert [item["status"] for item in taken] == [204]
    stack.behave()
    reckon(stack, intent)


def test_m3_what_is_kept_is_settled_even_if_it_could_not_be_at_first(stack: RunningStack) -> None:
    stack.mischief(api=[{"fault": "drop_before", "path": "query", "times": None}])
    intent = stack.confirmed_intent()
    number = number_of(intent)
    change(stack, "UPDATE attempts SET state = 'unreadable ' || state WHERE intent_id = ?", number)
    stack.desk("POST", "/buyers/buyer_1/pay_order", {"out_trade_no": stack.out_trade_no(intent)})
    assert [item["status"] for item in real_notice(stack, intent)["deliveries"]] == [204]
    assert [row["handled_ms"] for row in notices_of(stack, intent)] == [None]
    change(stack, "UPDATE attempts SET state = substr(state, 12) WHERE intent_id = ?", number)
    change(
        stack, "UPDATE notices SET received_ms = received_ms - 60000 WHERE out_trade_no = ?", stack.out_trade_no(intent)
    )
    reckon(stack, intent)
    assert [row["verdict"] for row in notices_of(stack, intent)] == ["settled"]


def test_m3_money_for_an_order_that_we_never_made_is_recorded(stack: RunningStack) -> None:
    transaction = f"42000095{stack.create_intent()['id'][-19:]}"
    lie = {"transaction_id": transaction, "amount.total": 78}
    wish = {"url": notice_address(stack), "out_trade_no": f"m3{transaction[-19:]}", "plaintext_overrides": lie}
    assert stack.desk("POST", "/notices/forge", wish)["status"] == 204
    (found,) = stack.rows("SELECT * FROM discrepancies WHERE transaction_id = ?", transaction)
    assert (found["kind"], found["amount"], found["state"]) == ("unmatched", 78, "open")


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_m4_a_refund_whose_answer_is_lost_is_pending_and_sent_again_with_its_number(
    stack: RunningStack, fault: str
) -> None:
    intent = paid(stack)
    stack.mischief(api=[{"fault": fault, "path": "refund", "times": 1}])
    refund = refund_of(stack, intent, amount=700)
    assert refund["status"] == "pending"
    number = refund["id"].removeprefix("re_")
    wait_refund(stack, refund, "succeeded")
    books = stack.desk("GET", f"/refunds?out_trade_no={stack.out_trade_no(intent)}")["refunds"]
    assert [(entry["out_refund_no"], entry["amount"]["refund"]) for entry in books] == [(number, 700)]
    told = stack.rows("SELECT body FROM events WHERE subject_id = ?", int(number))
    assert {body_of(row)["data"]["object"]["status"] for row in told} == {"pending", "succeeded"}


def test_m5_the_same_refund_asked_again_is_the_same_and_together_they_never_exceed_the_payment(
    stack: RunningStack,
) -> None:
    stack.desk("POST", "/refunds/rules", {"min_spacing_s": 0})
    intent = paid(stack)
    asked = {"payment_intent": intent["id"], "amount": 600}

    def ask(number: int) -> tuple[int, bytes]:
        """Twelve requests, each pair of them with one key: six refunds, of which three fit."""
        answer = stack.call("POST", "/v1/refunds", asked, headers={"Idempotency-Key": f"{intent['id']}-{number % 6}"})
        return answer.status, answer.body

    with ThreadPoolExecutor(12) as crowd:
        answers = list(crowd.map(ask, range(12)))
    made = {body for status, body in answers if status == 200}
    assert len(made) == 3
    refunds = stack.api("GET", f"/v1/refunds?payment_intent={intent['id']}")["data"]
    assert [refund["amount"] for refund in refunds] == [600, 600, 600]
    again = [ask(number) for number in range(6)]
    assert {body for status, body in again if status == 200} == made


LIES: Final[dict[str, dict[str, Any]]] = {
    "amount": {"amount.total": 1},
    "currency": {"amount.currency": "HKD"},
    "appid": {"appid": MINI_PROGRAM},
    "mchid": {"mchid": "1900009998"},
}


def test_m6_a_transfer_whose_answer_got_lost_is_unknown_and_is_paid_once(stack: RunningStack) -> None:
    """WeChat took the transfer and its answer never came: not failed, one number for ever, and found by it."""
    stack.desk("POST", "/merchant", {"top_up": 10_000})
    stack.mischief(api=[{"fault": "drop_after", "path": "transfer", "times": 1}])
    wallet = stack.desk("GET", "/buyers/buyer_1")["balance"]
    made = stack.api("POST", "/v1/transfers", transfer_body(stack, 700))
    assert made["status"] == "pending", "unknown is not failed"

    def transfer() -> dict[str, Any]:
        return stack.api("GET", f"/v1/transfers/{made['id']}")

    waiting = stack.wait_for(lambda: found if (found := transfer()).get("next_action") else None, "what opens it")
    params = waiting["next_action"]["wechat_pay_request_merchant_transfer"]
    assert stack.desk("POST", "/buyers/buyer_1/confirm_transfer", {"params": params})["err_msg"].endswith(":ok")
    stack.wait_for(lambda: transfer()["status"] == "paid", "the transfer to be paid")
    theirs = stack.desk("GET", "/transfers")["transfers"]
    assert [each["state"] for each in theirs if each["out_bill_no"] == made["out_bill_no"]] == ["SUCCESS"]
    assert sum(each["transfer_amount"] == 700 for each in theirs) == 1, "and no other number was ever sent"
    assert stack.desk("GET", "/buyers/buyer_1")["balance"] - wallet == 700
    assert stack.desk("GET", "/books")["balanced"]


@pytest.mark.parametrize("name", LIES)
def test_m7_a_notice_about_other_money_than_was_ordered_pays_nothing(stack: RunningStack, name: str) -> None:
    intent = stack.confirmed_intent()
    before = stack.intent(intent["id"])
    lie = LIES[name] | {"transaction_id": f"4200m7{name}{intent['id'][-15:]}"}
    assert forge(stack, intent, plaintext_overrides=lie)["status"] == 204
    (found,) = discrepancies_of(stack, intent)
    assert (found["kind"], found["state"]) == ("wrong", "open")
    assert stack.intent(intent["id"]) == before


def test_m7_our_own_query_compares_what_was_paid_with_what_was_ordered_too(stack: RunningStack) -> None:
    stack.mischief(notices={"lose": True})
    intent = stack.confirmed_intent()
    change(stack, "UPDATE attempts SET amount = amount + 1 WHERE intent_id = ?", number_of(intent))
    stack.pay(intent)
    given_back(stack, intent, "wrong")
    assert stack.intent(intent["id"])["status"] == "requires_action"
    assert events_of(stack, intent, SUCCEEDED) == []


def test_m8_an_event_that_could_not_be_delivered_is_delivered_again_by_itself(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    stack.wait_for(stack.is_at_rest, "earlier deliveries to end")
    stack.desk("POST", "/shop/mood", {"status": 503, "times": 2})
    stack.pay(intent)
    reckon(stack, intent)
    assert [told["answered"] for told in stack.webhooks(intent, SUCCEEDED)] == [503, 503, 200]


def test_m9_a_webhook_is_signed_and_a_slow_endpoint_holds_no_transaction(stack: RunningStack) -> None:
    slow, other = stack.confirmed_intent(), stack.confirmed_intent()
    stack.wait_for(stack.is_at_rest, "earlier deliveries to end")
    stack.desk("POST", "/shop/mood", {"status": 200, "times": 1, "delay_s": 6.5})
    stack.pay(slow)
    stack.wait_for(lambda: stack.webhooks(slow, SUCCEEDED), "the shop to be called")
    stack.pay(other)
    stack.wait_status(other["id"], "succeeded")
    (event,) = events_of(stack, slow, SUCCEEDED)
    delivery = stack.rows("SELECT state FROM deliveries WHERE event_id = ?", event["id"])
    assert delivery == [{"state": "pending"}], "money was written while the shop was still being waited for"
    for intent in (slow, other):
        reckon(stack, intent)
        assert all(told["verified"] for told in stack.webhooks(intent))


def test_m11_of_two_orders_paid_for_one_intent_the_second_is_given_back(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    other = new_buyer(stack)
    how = stack.paying_with(openid=other["openids"][OFFICIAL_ACCOUNT])
    notice = late_for_the_close(stack, intent, f"/v1/payment_intents/{intent['id']}/confirm", how)
    stack.pay(stack.intent(intent["id"]), buyer=other["id"])
    stack.wait_status(intent["id"], "succeeded")
    stack.desk("POST", f"/notices/{notice['id']}/release")
    refund = given_back(stack, intent, "double")
    assert refund["attempt_id"] == attempts_of(stack, intent)[0]["id"]
    found = stack.intent(intent["id"])
    assert (found["status"], found["amount_received"]) == ("succeeded", 2000)
    assert len(events_of(stack, intent, SUCCEEDED)) == 1


def test_m12_a_notice_is_answered_in_time_and_waits_for_nothing_that_wechat_is_asked_for(stack: RunningStack) -> None:
    """The simulator hangs up after WeChat's five seconds; here every call to WeChat would last longer than that."""
    intent = stack.confirmed_intent()
    stack.mischief(
        api=[{"fault": "latency", "path": path, "times": None, "latency_s": 20} for path in ("certificates", "query")]
    )
    asked = sum("certificates" in entry["path"] for entry in stack.desk("GET", "/requests?limit=100000")["requests"])
    assert forge(stack, intent, sign="unknown_serial")["status"] == 401
    for mode in ("cert", "pubkey"):
        stack.desk("POST", "/mode", {"mode": mode})
        told = forge(stack, intent, plaintext_overrides={"transaction_id": f"42000012{intent['id'][-19:]}"})
        assert told["status"] == 204, mode
    stack.desk("POST", "/mode", {"mode": "gray", "pubkey_percent": 50})
    assert stack.intent(intent["id"])["status"] == "succeeded"
    requests = stack.desk("GET", "/requests?limit=100000")["requests"]
    assert sum("certificates" in entry["path"] for entry in requests) <= asked + 1  # a worker may, once a minute


@contextmanager
def another_worker(stack: RunningStack) -> Iterator[None]:
    """A second worker process beside the first."""
    environment = os.environ | stack.stack.environment() | QUICK
    with (stack.stack.state / "second_worker.log").open("ab") as log:
        worker = subprocess.Popen(
            stack.stack.commands()["worker"], env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        stack.wait_for(lambda: "worker_started" in stack.log("second_worker"), "the second worker to work")
        yield
    finally:
        worker.terminate()
        worker.wait(timeout=20)


def test_m13_no_lost_payment_is_skipped_and_none_is_looked_at_twice_at_a_time(stack: RunningStack) -> None:
    """More open orders than are looked at at once, all paid, and every notice lost; two workers share the looks."""
    stack.mischief(notices={"lose": True})
    with another_worker(stack), ThreadPoolExecutor(4) as crowd:
        intents = list(crowd.map(lambda number: stack.confirmed_intent(amount=100 + number), range(ORDERS)))
        list(crowd.map(stack.pay, intents))
        for intent in intents:
            stack.wait_status(intent["id"], "succeeded")
    for intent in intents:
        assert len(events_of(stack, intent, SUCCEEDED)) == 1
        assert events_of(stack, intent, FAILED) == []
        assert discrepancies_of(stack, intent) == []
    numbers = {stack.out_trade_no(intent) for intent in intents}
    told = [orjson.loads(line) for name in ("worker", "second_worker") for line in stack.log(name).splitlines()]
    looks = [(line["out_trade_no"], line["looks"]) for line in told if line.get("out_trade_no") in numbers]
    assert {number for number, _ in looks} == numbers
    assert len(set(looks)) == len(looks), "the first look at an order is one worker's, and so is the second"

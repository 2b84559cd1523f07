"""What goes wrong around refunds goes wrong as asked: the work is done or undone, and the books balance."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .merchant import Merchant
from .receiver import Receiver
from .refunding import REFUNDS, ask, books, paid, refund, rules, state
from .test_mischief import wish


@pytest.mark.parametrize(
    ("fault", "status", "done"),
    [
        ("error_500_before", 500, False),
        ("error_500_after", 500, True),
        ("limit_429", 429, False),
        ("limit_429_after", 429, True),
    ],
)
def test_a_failed_answer_says_nothing_about_the_refund(
    merchant: Merchant, fault: str, status: int, *, done: bool
) -> None:
    paid(merchant)
    wish(merchant, fault, "refund")
    assert ask(merchant, refund()).status == status
    assert books(merchant)["refunds_count"] == int(done)
    assert (state(merchant).status == 200) is done
    assert ask(merchant, refund()).status == 200
    assert books(merchant)["refunds_count"] == 1


@pytest.mark.parametrize(("fault", "done"), [("drop_before", False), ("drop_after", True)])
def test_a_cut_connection_leaves_the_refund_undone_or_done(merchant: Merchant, fault: str, *, done: bool) -> None:
    paid(merchant)
    wish(merchant, fault, "refund")
    with pytest.raises(ConnectionAbortedError):
        ask(merchant, refund())
    assert (state(merchant).status == 200) is done


@pytest.mark.parametrize("fault", ["truncate", "unsigned", "bad_signature", "probe", "unknown_serial"])
def test_an_answer_that_cannot_be_trusted_follows_a_real_refund(merchant: Merchant, fault: str) -> None:
    paid(merchant)
    wish(merchant, fault, "refund")
    reply = merchant.send("POST", REFUNDS, refund())
    assert not merchant.genuine(dict(reply.headers), reply.get_data())
    assert state(merchant).status == 200


def test_a_fault_of_queries_spares_refunds_and_orders(merchant: Merchant) -> None:
    paid(merchant)
    wish(merchant, "error_500_before", "refund_query")
    assert ask(merchant, refund()).status == 200
    assert merchant.query("order_0001").status == 200
    assert [state(merchant).status for _ in range(2)] == [500, 200]


def test_a_fault_of_rescues_spares_queries(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, settle_after_s=0, outcome="ABNORMAL")
    refund_id = ask(merchant, refund()).body["refund_id"]
    wish(merchant, "error_500_after", "refund_rescue")
    assert state(merchant).body["status"] == "ABNORMAL"
    body = {"out_refund_no": "refund_1", "type": "MERCHANT_BANK_CARD"}
    url = f"{REFUNDS}/{refund_id}/apply-abnormal-refund"
    assert [merchant.call("POST", url, body).status for _ in range(2)] == [500, 200]
    assert books(merchant)["refunded_total"] == 100


@pytest.mark.parametrize("outcome", ["SUCCESS", "ABNORMAL", "CLOSED"])
def test_a_refund_may_end_and_be_told_before_it_is_answered(
    merchant: Merchant, receiver: Receiver, outcome: str
) -> None:
    paid(merchant)
    rules(merchant, outcome=outcome)
    wish(merchant, "settled_before_reply", "refund")
    answer = ask(merchant, refund(notify_url=receiver.url))
    assert (answer.body["status"], len(receiver.received)) == ("PROCESSING", 1)
    assert json.loads(receiver.received[0].body)["event_type"] == f"REFUND.{outcome}"
    assert state(merchant).body["status"] == outcome


def forged(merchant: Merchant, receiver: Receiver, **more: Any) -> tuple[Any, Any]:
    """The envelope and plaintext of a forged notice of a refund."""
    merchant.trust_certificates()
    merchant.desk("POST", "/notices/forge", {"url": receiver.url, "out_refund_no": "refund_1", **more})
    got = receiver.received[-1]
    merchant.verify(got.headers, got.body)
    envelope = json.loads(got.body)
    return envelope, json.loads(merchant.open_sealed(envelope["resource"]))


def test_a_forged_notice_of_an_open_refund_changes_nothing_here(merchant: Merchant, receiver: Receiver) -> None:
    paid(merchant)
    rules(merchant, settle_after_s=None)
    refund_id = ask(merchant, refund(60)).body["refund_id"]
    envelope, plain = forged(merchant, receiver, plaintext_overrides={"amount.refund": 61})
    assert (envelope["event_type"], envelope["resource"]["original_type"]) == ("REFUND.SUCCESS", "refund")
    assert (plain["refund_id"], plain["amount"]["refund"]) == (refund_id, 61)
    assert state(merchant).body["status"] == "PROCESSING"


def test_a_forged_notice_of_an_unknown_refund_may_say_anything(merchant: Merchant, receiver: Receiver) -> None:
    envelope, plain = forged(merchant, receiver, plaintext_overrides={"refund_status": "CLOSED", "success_time": None})
    assert envelope["event_type"] == "REFUND.CLOSED"
    assert (plain["out_refund_no"], "success_time" in plain) == ("refund_1", False)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/refunds/rules", {"min_spacing_s": -1}),
        ("/refunds/rules", {"min_spacing": 0}),
        ("/refunds/rules", {"settle_after_s": "2"}),
        ("/refunds/rules", {"outcome": "PROCESSING"}),
        ("/refunds/rules", {"outcome": "CLOSED", "times": 0}),
        ("/refunds/rules", {"times": 3}),
        ("/refunds/rules", {"min_spacing_s": 0, "notify_url": 5}),
        ("/merchant", {}),
        ("/merchant", {"withdraw": 101}),
        ("/merchant", {"withdraw": -1}),
        ("/merchant", {"withdraw": 1, "top_up": 1}),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_and_changes_nothing(
    merchant: Merchant, path: str, body: dict[str, object]
) -> None:
    paid(merchant)
    before = merchant.desk("GET", path)
    reply = merchant.client.post(f"/_desk{path}", json=body)
    assert (reply.status_code, bool(reply.get_json()["error"])) == (400, True)
    assert merchant.desk("GET", path) == before


def test_the_desk_shows_refunds_by_order_and_by_number(merchant: Merchant) -> None:
    paid(merchant)
    paid(merchant, "order_0002")
    ask(merchant, refund(10, reason="cold"))
    ask(merchant, refund(20, "refund_2", out_trade_no="order_0002"))
    numbers = [item["out_refund_no"] for item in merchant.desk("GET", "/refunds")["refunds"]]
    assert numbers == ["refund_2", "refund_1"]
    (one,) = merchant.desk("GET", "/refunds?out_trade_no=order_0001")["refunds"]
    assert one == merchant.desk("GET", "/refunds/refund_1")
    assert (one["reason"], one["planned"], one["receiver"]) == ("cold", "SUCCESS", "buyer:buyer_1")
    assert merchant.client.get("/_desk/refunds/refund_9").status_code == 404
    assert merchant.client.post("/_desk/refunds/refund_9/settle").status_code == 404


def test_withdrawing_and_topping_up_leave_the_books_balanced(merchant: Merchant) -> None:
    paid(merchant)
    merchant.desk("POST", "/merchant", {"withdraw": 70})
    assert books(merchant)["bank_balance"] == 70
    merchant.desk("POST", "/merchant", {"top_up": 500})
    assert books(merchant)["bank_balance"] == -430
    assert merchant.desk("POST", "/merchant", {"available": 7})["available"] == 7
    assert books(merchant)["merchant_balance"] == 7

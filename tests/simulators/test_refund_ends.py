"""How refunds end, who hears of it, and what an abnormal one needs before it can succeed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1

from .merchant import MCHID, Answer, Merchant
from .receiver import Receiver
from .refunding import REFUNDS, ask, balance, books, paid, refund, rules, state

WALLET_FEN = 10_000_00


def told(merchant: Merchant, receiver: Receiver, at: int = -1) -> tuple[Any, Any]:
    """The envelope and the plaintext of a notice that arrived and verified."""
    assert merchant.desk("GET", "/notices?wait_s=20")["settled"] is True
    got = receiver.received[at]
    merchant.verify(got.headers, got.body)
    envelope = json.loads(got.body)
    return envelope, json.loads(merchant.open_sealed(envelope["resource"]))


def sealed(merchant: Merchant, text: str) -> str:
    """A sensitive member, encrypted to WeChat's public key."""
    padding = OAEP(MGF1(SHA1()), SHA1(), None)
    return base64.b64encode(merchant.files.public_key.encrypt(text.encode(), padding)).decode()


def rescue(merchant: Merchant, refund_id: str, number: str = "refund_1", **changes: Any) -> Answer:
    """Ask for an abnormal refund to go to the merchant's card."""
    wish = {"out_refund_no": number, "type": "MERCHANT_BANK_CARD", **changes}
    return merchant.call("POST", f"{REFUNDS}/{refund_id}/apply-abnormal-refund", wish)


def user_card(merchant: Merchant, **changes: Any) -> dict[str, Any]:
    """A user's bank card."""
    return {
        "type": "USER_BANK_CARD",
        "bank_type": "ICBC_DEBIT",
        "bank_account": sealed(merchant, "6222000000000000000"),
        "real_name": sealed(merchant, "小明"),
        **changes,
    }


def abnormal(merchant: Merchant, fen: int = 60) -> str:
    """An abnormal refund of that much, and its WeChat number."""
    paid(merchant)
    rules(merchant, outcome="ABNORMAL", min_spacing_s=0)
    refund_id = str(ask(merchant, refund(fen)).body["refund_id"])
    merchant.desk("POST", "/clock", {"advance_s": 2})
    assert state(merchant).body["status"] == "ABNORMAL"
    return refund_id


@pytest.mark.parametrize(
    ("outcome", "fen_back", "summary"),
    [("SUCCESS", 60, "退款成功"), ("ABNORMAL", 0, "退款异常"), ("CLOSED", 0, "退款关闭")],
)
def test_each_end_is_told_signed_and_sealed(
    merchant: Merchant, receiver: Receiver, outcome: str, fen_back: int, summary: str
) -> None:
    merchant.trust_certificates()
    paid(merchant)
    rules(merchant, outcome=outcome)
    answered = ask(merchant, refund(60, notify_url=receiver.url)).body
    merchant.desk("POST", "/clock", {"advance_s": 2})
    envelope, plain = told(merchant, receiver)
    assert (envelope["event_type"], envelope["summary"]) == (f"REFUND.{outcome}", summary)
    assert envelope["resource"]["original_type"] == "refund"
    assert envelope["resource"]["associated_data"] == "refund"
    success_time = plain.pop("success_time", None)
    assert (success_time is not None) is (outcome == "SUCCESS")
    assert success_time == state(merchant).body.get("success_time")
    assert plain == {
        "mchid": MCHID,
        "transaction_id": answered["transaction_id"],
        "out_trade_no": "order_0001",
        "refund_id": answered["refund_id"],
        "out_refund_no": "refund_1",
        "refund_status": outcome,
        "user_received_account": "支付用户零钱",
        "amount": {"total": 100, "refund": 60, "payer_total": 100, "payer_refund": 60},
    }
    assert balance(merchant) == WALLET_FEN - 100 + fen_back


def test_a_refund_without_an_address_is_told_to_the_consoles_or_to_nobody(
    merchant: Merchant, receiver: Receiver
) -> None:
    paid(merchant)
    rules(merchant, settle_after_s=0, min_spacing_s=0)
    ask(merchant, refund(10))
    assert state(merchant).body["status"] == "SUCCESS"
    assert merchant.desk("GET", "/notices?out_refund_no=refund_1")["notices"] == []
    rules(merchant, notify_url=receiver.url)
    ask(merchant, refund(10, "refund_2"))
    assert state(merchant, "refund_2").body["status"] == "SUCCESS"
    (notice,) = merchant.desk("GET", "/notices?out_refund_no=refund_2&wait_s=20")["notices"]
    assert (notice["event_type"], notice["state"], len(receiver.received)) == ("REFUND.SUCCESS", "delivered", 1)


def test_a_refunds_notice_is_repeated_on_the_same_schedule(merchant: Merchant, receiver: Receiver) -> None:
    receiver.answers.extend([500, 500])
    paid(merchant)
    rules(merchant, settle_after_s=0)
    ask(merchant, refund(notify_url=receiver.url))
    for attempts in (1, 2, 3):
        (notice,) = merchant.desk("GET", "/notices?out_refund_no=refund_1&wait_s=20")["notices"]
        assert notice["attempts"] == attempts
        merchant.desk("POST", "/clock", {"advance_s": 15})
    assert len({json.loads(got.body)["id"] for got in receiver.received}) == 1


def test_a_refunds_notice_suffers_the_same_mischief(merchant: Merchant, receiver: Receiver) -> None:
    paid(merchant)
    merchant.desk("POST", "/notices/forge", {"url": receiver.url, "raw_body": "first"})
    merchant.desk("GET", "/notices?wait_s=20")
    merchant.desk("POST", "/mischief", {"notices": {"duplicate": {"times": 1, "copies": 3}}})
    rules(merchant, settle_after_s=0)
    ask(merchant, refund(notify_url=receiver.url))
    (notice,) = merchant.desk("GET", "/notices?out_refund_no=refund_1&wait_s=20")["notices"]
    assert [item["mischief"] for item in notice["deliveries"]] == [["duplicate"]] * 3
    assert len({got.body for got in receiver.received[1:]}) == 1


def test_a_refunds_notice_can_be_held_until_after_the_query(merchant: Merchant, receiver: Receiver) -> None:
    paid(merchant)
    merchant.desk("GET", "/notices?wait_s=20")
    merchant.desk("POST", "/mischief", {"notices": {"hold": True}})
    rules(merchant, settle_after_s=0)
    ask(merchant, refund(notify_url=receiver.url))
    assert state(merchant).body["status"] == "SUCCESS"
    (notice,) = merchant.desk("GET", "/notices?out_refund_no=refund_1&wait_s=20")["notices"]
    assert (notice["state"], receiver.received) == ("held", [])
    merchant.desk("POST", f"/notices/{notice['id']}/release")
    assert len(receiver.received) == 1


def test_the_next_refunds_end_as_the_desk_wishes_and_then_well_again(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, min_spacing_s=0, settle_after_s=0, outcome="CLOSED", times=2)
    for index in range(3):
        ask(merchant, refund(10, f"refund_{index}"))
    ends = [state(merchant, f"refund_{index}").body["status"] for index in range(3)]
    assert ends == ["CLOSED", "CLOSED", "SUCCESS"]
    assert merchant.desk("GET", "/refunds/rules")["outcome"] == "SUCCESS"


def test_a_refund_can_be_left_open_and_ended_at_the_desk(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, settle_after_s=None)
    ask(merchant, refund(60))
    merchant.desk("POST", "/clock", {"advance_s": 30 * 86400, "wait_s": 0})
    assert state(merchant).body["status"] == "PROCESSING"
    assert merchant.desk("POST", "/refunds/refund_1/settle", {"outcome": "SUCCESS"})["status"] == "SUCCESS"
    assert balance(merchant) == WALLET_FEN - 40


@pytest.mark.parametrize("first", ["SUCCESS", "CLOSED"])
def test_a_refund_ends_once(merchant: Merchant, first: str) -> None:
    paid(merchant)
    ask(merchant, refund(60))
    merchant.desk("POST", "/refunds/refund_1/settle", {"outcome": first})
    for outcome in ("SUCCESS", "CLOSED", "ABNORMAL"):
        reply = merchant.client.post("/_desk/refunds/refund_1/settle", json={"outcome": outcome})
        assert reply.status_code == 400
    merchant.desk("POST", "/clock", {"advance_s": 2})
    assert state(merchant).body["status"] == first
    assert books(merchant)["refunded_total"] == (60 if first == "SUCCESS" else 0)


def test_a_closed_refund_may_be_made_again_under_a_new_number(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, min_spacing_s=0, settle_after_s=0, outcome="CLOSED", times=1)
    ask(merchant, refund())
    assert ask(merchant, refund()).body["status"] == "CLOSED"
    assert ask(merchant, refund(number="refund_2")).status == 200
    assert state(merchant, "refund_2").body["status"] == "SUCCESS"
    assert balance(merchant) == WALLET_FEN


def test_an_abnormal_refund_keeps_its_money_promised(merchant: Merchant) -> None:
    abnormal(merchant)
    assert merchant.desk("GET", "/merchant") == {
        "balance": 100,
        "reserved": 60,
        "available": 40,
        "bank_balance": 0,
        "withdrawn_total": 0,
    }
    merchant.desk("POST", "/clock", {"advance_s": 86400, "wait_s": 0})
    assert (state(merchant).body["status"], books(merchant)["pending"]) == ("ABNORMAL", 60)


def test_an_abnormal_refund_reaches_the_users_card(merchant: Merchant, receiver: Receiver) -> None:
    paid(merchant)
    rules(merchant, settle_after_s=0, outcome="ABNORMAL")
    refund_id = ask(merchant, refund(60, notify_url=receiver.url)).body["refund_id"]
    assert state(merchant).body["status"] == "ABNORMAL"
    accepted = rescue(merchant, refund_id, **user_card(merchant))
    assert (accepted.status, accepted.body["status"]) == (200, "PROCESSING")
    assert state(merchant).body["status"] == "SUCCESS"
    assert state(merchant).body["channel"] == "OTHER_BANKCARD"
    assert balance(merchant) == WALLET_FEN - 40
    merchant.desk("GET", "/notices?wait_s=20")
    assert sorted(json.loads(got.body)["event_type"] for got in receiver.received) == [
        "REFUND.ABNORMAL",
        "REFUND.SUCCESS",
    ]


def test_an_abnormal_refund_to_the_merchants_card_leaves_the_merchants_balance(merchant: Merchant) -> None:
    refund_id = abnormal(merchant)
    assert rescue(merchant, refund_id).status == 200
    assert rescue(merchant, refund_id).body["status"] == "PROCESSING"
    merchant.desk("POST", "/clock", {"advance_s": 2})
    assert rescue(merchant, refund_id).body["status"] == "SUCCESS"
    seen = books(merchant)
    assert (seen["merchant_balance"], seen["bank_balance"], seen["refunded_total"]) == (40, 60, 60)
    assert balance(merchant) == WALLET_FEN - 100


def test_an_abnormal_refund_may_be_handled_in_the_console(merchant: Merchant) -> None:
    abnormal(merchant)
    for outcome in ("CLOSED", "ABNORMAL"):
        reply = merchant.client.post("/_desk/refunds/refund_1/settle", json={"outcome": outcome})
        assert reply.status_code == 400
    assert merchant.desk("POST", "/refunds/refund_1/settle", {"outcome": "SUCCESS"})["status"] == "SUCCESS"
    assert balance(merchant) == WALLET_FEN - 40


def test_only_an_abnormal_refund_is_rescued(merchant: Merchant) -> None:
    paid(merchant)
    refund_id = ask(merchant, refund()).body["refund_id"]
    for _ in range(2):
        answer = rescue(merchant, refund_id)
        assert (answer.status, answer.body["code"]) == (400, "INVALID_REQUEST")
        merchant.desk("POST", "/clock", {"advance_s": 2})
    assert state(merchant).body["status"] == "SUCCESS"


def test_a_rescue_names_one_refund_by_both_its_numbers(merchant: Merchant) -> None:
    refund_id = abnormal(merchant)
    assert rescue(merchant, "5030000000000000000000000000").body["code"] == "RESOURCE_NOT_EXISTS"
    assert rescue(merchant, refund_id, "refund_2").body["code"] == "INVALID_REQUEST"
    assert state(merchant).body["status"] == "ABNORMAL"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "WALLET"},
        {"type": "USER_BANK_CARD"},
        {"bank_type": "ICBC_CREDIT"},
        {"bank_account": "6222000000000000000"},
        {"real_name": base64.b64encode(b"x" * 256).decode()},
        {"sub_mchid": MCHID},
    ],
)
def test_a_rescue_out_of_bounds_is_a_parameter_error(merchant: Merchant, changes: dict[str, str]) -> None:
    refund_id = abnormal(merchant)
    answer = rescue(merchant, refund_id, **changes)
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")
    assert state(merchant).body["status"] == "ABNORMAL"


@pytest.mark.parametrize("serial", [None, "A" * 40])
def test_an_encrypted_card_names_the_key_it_was_encrypted_to(merchant: Merchant, serial: str | None) -> None:
    url = f"{REFUNDS}/{abnormal(merchant)}/apply-abnormal-refund"
    wish = {"out_refund_no": "refund_1", **user_card(merchant)}
    reply = merchant.send("POST", url, wish, {"Wechatpay-Serial": serial})
    assert (reply.status_code, reply.get_json()["code"]) == (400, "PARAM_ERROR")

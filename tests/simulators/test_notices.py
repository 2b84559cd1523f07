"""A paid order is told to the merchant, signed and sealed, on WeChat's schedule, whatever stands in the way."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from .merchant import Merchant
from .receiver import Receiver

SCHEDULE_S = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600]


def pay(merchant: Merchant, receiver: Receiver, out_trade_no: str = "order_0001") -> None:
    """Place and pay an order that is to be told to the receiver."""
    merchant.pay(merchant.params(merchant.place(out_trade_no, notify_url=receiver.url)))


def settled(merchant: Merchant, wait_s: int = 20) -> dict[str, Any]:
    """The one notice, once nothing more is due."""
    seen = merchant.desk("GET", f"/notices?wait_s={wait_s}")
    assert seen["settled"] is True
    notice: dict[str, Any] = seen["notices"][0]
    return notice


def opened(merchant: Merchant, body: bytes) -> Any:
    """The plaintext of a notice."""
    return json.loads(merchant.open_sealed(json.loads(body)["resource"]))


def test_a_payment_is_told_signed_and_sealed(merchant: Merchant, receiver: Receiver) -> None:
    merchant.trust_certificates()
    pay(merchant, receiver)
    assert settled(merchant)["state"] == "delivered"
    (got,) = receiver.received
    merchant.verify(got.headers, got.body)
    envelope = json.loads(got.body)
    assert (envelope["event_type"], envelope["resource_type"]) == (
        "TRANSACTION.SUCCESS",
        "encrypt-resource",
    )
    assert envelope["resource"]["original_type"] == "transaction"
    assert len(envelope["id"]) <= 36
    assert opened(merchant, got.body) == merchant.query("order_0001").body
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Request-ID"]


@pytest.mark.parametrize("mode", ["cert", "pubkey"])
def test_a_notice_is_signed_by_the_key_of_the_mode(merchant: Merchant, receiver: Receiver, mode: str) -> None:
    certificates = merchant.trust_certificates()
    merchant.desk("POST", "/mode", {"mode": mode})
    pay(merchant, receiver)
    settled(merchant)
    serial = receiver.received[0].headers["Wechatpay-Serial"]
    assert (serial in certificates) is (mode == "cert")
    merchant.verify(receiver.received[0].headers, receiver.received[0].body)


def test_in_gray_mode_the_percentage_decides(merchant: Merchant, receiver: Receiver) -> None:
    for percent, by_public_key in ((0, False), (100, True)):
        merchant.desk("POST", "/mode", {"mode": "gray", "pubkey_percent": percent})
        pay(merchant, receiver, f"order_{percent:04d}")
        settled(merchant)
        serial = receiver.received[-1].headers["Wechatpay-Serial"]
        assert serial.startswith("PUB_KEY_ID_") is by_public_key


@pytest.mark.parametrize("status", [302, 400, 401, 404, 500, 503])
def test_anything_but_2xx_is_told_again_with_the_same_id(merchant: Merchant, receiver: Receiver, status: int) -> None:
    receiver.answers.append(status)
    pay(merchant, receiver)
    assert settled(merchant)["state"] == "waiting"
    merchant.desk("POST", "/clock", {"advance_s": 15})
    assert settled(merchant)["state"] == "delivered"
    first, second = receiver.received
    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]
    assert first.headers["Wechatpay-Nonce"] != second.headers["Wechatpay-Nonce"]


def test_the_schedule_is_fifteen_retries_and_then_never_again(merchant: Merchant, receiver: Receiver) -> None:
    receiver.answers.extend([500] * 100)
    pay(merchant, receiver)
    for told, pause_s in enumerate(SCHEDULE_S, start=1):
        assert settled(merchant)["attempts"] == told
        merchant.desk("POST", "/clock", {"advance_s": pause_s - 5})
        assert settled(merchant)["attempts"] == told
        merchant.desk("POST", "/clock", {"advance_s": 5})
    assert (settled(merchant)["attempts"], settled(merchant)["state"]) == (16, "given_up")
    merchant.desk("POST", "/clock", {"advance_s": 10 * 86400})
    assert len(receiver.received) == 16


def test_a_clock_moved_far_catches_up_on_every_attempt(merchant: Merchant, receiver: Receiver) -> None:
    receiver.answers.extend([500] * 100)
    pay(merchant, receiver)
    settled(merchant)
    merchant.desk("POST", "/clock", {"advance_s": sum(SCHEDULE_S) + 60})
    assert settled(merchant)["state"] == "given_up"
    assert len(receiver.received) == 16


def test_a_receiver_that_is_down_is_told_later(merchant: Merchant, receiver: Receiver) -> None:
    merchant.pay(merchant.params(merchant.place(notify_url="http://127.0.0.1:9/notices")))
    notice = settled(merchant)
    assert notice["state"] == "waiting"
    assert notice["deliveries"][0]["status"] is None
    assert receiver.received == []


def test_a_slow_receiver_delays_nobody_else(merchant: Merchant, receiver: Receiver) -> None:
    slow = Receiver()
    slow.may_answer.clear()
    try:
        for number in range(5):
            pay(merchant, slow, f"slow_{number:04d}")
        pay(merchant, receiver)
        ends = time.monotonic() + 20
        while not receiver.received and time.monotonic() < ends:
            time.sleep(0.01)
        states = {
            notice["state"]
            for notice in merchant.desk("GET", "/notices")["notices"]
            if notice["out_trade_no"].startswith("slow")
        }
        assert (len(receiver.received), states) == (1, {"waiting"})
    finally:
        slow.close()


def test_an_answer_after_five_seconds_counts_as_none(merchant: Merchant, receiver: Receiver) -> None:
    receiver.delay_s = 5.5
    pay(merchant, receiver)
    notice = settled(merchant)
    assert (notice["state"], notice["deliveries"][0]["status"]) == ("waiting", None)


def test_a_lost_notice_is_never_sent_at_that_attempt(merchant: Merchant, receiver: Receiver) -> None:
    merchant.desk("POST", "/mischief", {"notices": {"lose": {"times": 2}}})
    pay(merchant, receiver)
    assert settled(merchant)["deliveries"][0]["error"] == "Lost"
    merchant.desk("POST", "/clock", {"advance_s": 15})
    assert receiver.received == []
    merchant.desk("POST", "/clock", {"advance_s": 15})
    assert (settled(merchant)["state"], len(receiver.received)) == ("delivered", 1)


@pytest.mark.parametrize(("knob", "copies"), [("duplicate", 2), ("concurrently", 8)])
def test_a_notice_may_come_more_than_once(merchant: Merchant, receiver: Receiver, knob: str, copies: int) -> None:
    merchant.desk("POST", "/mischief", {"notices": {knob: {"times": 1}}})
    pay(merchant, receiver)
    assert settled(merchant)["state"] == "delivered"
    assert len(receiver.received) == copies
    assert len({json.loads(got.body)["id"] for got in receiver.received}) == 1


@pytest.mark.parametrize("knob", ["probe", "unknown_serial", "tamper", {"stale_s": {"times": 1, "seconds": 600}}])
def test_a_notice_gone_wrong_does_not_verify_and_a_right_one_follows(
    merchant: Merchant, receiver: Receiver, knob: str | dict[str, Any]
) -> None:
    merchant.trust_certificates()
    wish = {knob: {"times": 1}} if isinstance(knob, str) else knob
    merchant.desk("POST", "/mischief", {"notices": wish})
    receiver.answers.append(401)
    pay(merchant, receiver)
    settled(merchant)
    merchant.desk("POST", "/clock", {"advance_s": 15})
    assert settled(merchant)["state"] == "delivered"
    wrong, right = receiver.received
    assert not merchant.genuine(wrong.headers, wrong.body)
    assert merchant.genuine(right.headers, right.body)


def test_a_probe_is_followed_by_a_right_notice_even_if_it_was_believed(merchant: Merchant, receiver: Receiver) -> None:
    merchant.desk("POST", "/mischief", {"notices": {"probe": {"times": 1}}})
    pay(merchant, receiver)
    assert settled(merchant)["state"] == "waiting"
    signature = receiver.received[0].headers["Wechatpay-Signature"]
    assert signature.startswith("WECHATPAY/SIGNTEST/")
    merchant.desk("POST", "/clock", {"advance_s": 15})
    assert (settled(merchant)["state"], len(receiver.received)) == ("delivered", 2)


def test_a_held_notice_waits_for_its_release(merchant: Merchant, receiver: Receiver) -> None:
    merchant.desk("POST", "/mischief", {"notices": {"hold": {"times": 1}}})
    pay(merchant, receiver)
    merchant.desk("POST", "/clock", {"advance_s": 86400})
    held = settled(merchant)
    assert (held["state"], receiver.received) == ("held", [])
    merchant.desk("POST", f"/notices/{held['id']}/release")
    assert (settled(merchant)["state"], len(receiver.received)) == ("delivered", 1)


def test_a_delayed_notice_comes_when_the_clock_says(merchant: Merchant, receiver: Receiver) -> None:
    merchant.desk("POST", "/mischief", {"notices": {"delay_s": {"times": 1, "seconds": 3600}}})
    pay(merchant, receiver)
    assert (settled(merchant)["attempts"], receiver.received) == (0, [])
    merchant.desk("POST", "/clock", {"advance_s": 3600})
    assert (settled(merchant)["state"], len(receiver.received)) == ("delivered", 1)


@pytest.mark.parametrize("concurrently", [False, True])
def test_a_delivered_notice_can_be_sent_again_by_hand(
    merchant: Merchant, receiver: Receiver, *, concurrently: bool
) -> None:
    pay(merchant, receiver)
    notice = settled(merchant)
    wish = {"times": 5, "concurrently": concurrently}
    sent = merchant.desk("POST", f"/notices/{notice['id']}/send", wish)
    assert [item["status"] for item in sent["deliveries"]] == [204] * 5
    assert len(receiver.received) == 6


def test_a_forged_notice_can_be_rightly_signed_and_lie(merchant: Merchant, receiver: Receiver) -> None:
    merchant.trust_certificates()
    merchant.place(notify_url=receiver.url)
    wish = {
        "url": receiver.url,
        "out_trade_no": "order_0001",
        "plaintext_overrides": {"amount.total": 1, "mchid": "1900000999", "bank_type": None},
    }
    assert merchant.desk("POST", "/notices/forge", wish)["status"] == 204
    (got,) = receiver.received
    merchant.verify(got.headers, got.body)
    lie = opened(merchant, got.body)
    assert (lie["amount"]["total"], lie["mchid"]) == (1, "1900000999")
    assert "bank_type" not in lie
    assert merchant.query("order_0001").body["trade_state"] == "NOTPAY"


@pytest.mark.parametrize(
    "wish",
    [
        {"sign": "none"},
        {"sign": "wrong_key"},
        {"sign": "probe"},
        {"sign": "unknown_serial"},
        {"timestamp_offset_s": -600},
        {"timestamp_offset_s": 600},
        {"tamper": True},
    ],
)
def test_a_forged_notice_can_be_wrongly_signed(merchant: Merchant, receiver: Receiver, wish: dict[str, Any]) -> None:
    merchant.trust_certificates()
    receiver.answers.append(401)
    said = merchant.desk("POST", "/notices/forge", {"url": receiver.url, **wish})
    assert said["status"] == 401
    assert not merchant.genuine(receiver.received[0].headers, receiver.received[0].body)


def test_a_forged_notice_can_be_garbage_rightly_signed(merchant: Merchant, receiver: Receiver) -> None:
    merchant.trust_certificates()
    merchant.desk("POST", "/notices/forge", {"url": receiver.url, "raw_body": "not json"})
    (got,) = receiver.received
    assert got.body == b"not json"
    merchant.verify(got.headers, got.body)

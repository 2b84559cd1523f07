"""Notices that are not what they seem: each is answered rightly, and no money row changes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import urllib3

from tests.journeys.reckoning import (
    carry_waiting_notices,
    discrepancies_of,
    forge,
    notice_address,
    notices_of,
    quiet_rows,
    real_notice,
    reckon,
)
from tests.support.stack import RunningStack

NOTICE_BYTES_MAX = 1_100_000
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("unsigned", {"sign": "none"}),
    ("stale", {"timestamp_offset_s": -301}),
    ("exactly five minutes old", {"timestamp_offset_s": -300}),
    ("from the future", {"timestamp_offset_s": 305}),
    ("signed with another key", {"sign": "wrong_key"}),
    ("another key under the certificate's serial", {"sign": "wrong_key", "key": "cert"}),
    ("another key under the public key's id", {"sign": "wrong_key", "key": "pubkey"}),
    ("unknown serial", {"sign": "unknown_serial"}),
    ("a signature probe", {"sign": "probe"}),
    ("changed on the way", {"tamper": True}),
    ("not JSON", {"raw_body": "pay me"}),
    ("empty", {"raw_body": ""}),
    ("a JSON list", {"raw_body": "[]"}),
    ("a JSON object of nothing", {"raw_body": "{}"}),
    ("deeply nested", {"raw_body": "[" * 100_000}),
    ("half a surrogate", {"raw_body": '{"id":"\\ud800"}'}),
    ("encrypted with another APIv3 key", {"encrypt": "wrong_key"}),
    ("another algorithm", {"envelope_overrides": {"resource.algorithm": "AEAD_SM4_GCM"}}),
    ("no ciphertext", {"envelope_overrides": {"resource.ciphertext": None}}),
    ("ciphertext that is not base64", {"envelope_overrides": {"resource.ciphertext": "%%%"}}),
    ("ciphertext without a body", {"envelope_overrides": {"resource.ciphertext": "AAAA"}}),
    ("nonce of the wrong length", {"envelope_overrides": {"resource.nonce": "short"}}),
    ("nonce that is a number", {"envelope_overrides": {"resource.nonce": 123456789012}}),
    ("other associated data", {"envelope_overrides": {"resource.associated_data": "refund"}}),
    ("no id", {"envelope_overrides": {"id": None}}),
    ("an id longer than any", {"envelope_overrides": {"id": "x" * 65}}),
    ("no event type", {"envelope_overrides": {"event_type": None}}),
    ("resource that is text", {"envelope_overrides": {"resource": "money"}}),
    ("no trade state", {"plaintext_overrides": {"trade_state": None}}),
    ("paid without an amount", {"plaintext_overrides": {"amount": None}}),
    ("amount that is text", {"plaintext_overrides": {"amount.total": "2000"}}),
    ("amount with a fraction", {"plaintext_overrides": {"amount.total": 2000.0}}),
    ("amount that is true", {"plaintext_overrides": {"amount.total": True}}),
    ("paid without a transaction", {"plaintext_overrides": {"transaction_id": None}}),
]


@pytest.fixture(scope="module")
def waiting(shared_stack: RunningStack) -> dict[str, Any]:
    """An intent whose order is open all the while; every forgery claims that it was paid."""
    shared_stack.behave()
    return shared_stack.confirmed_intent()


@pytest.mark.parametrize("wish", [wish for _, wish in REFUSED], ids=[name for name, _ in REFUSED])
def test_refused_and_nothing_changed(stack: RunningStack, waiting: dict[str, Any], wish: dict[str, Any]) -> None:
    before = quiet_rows(stack)
    answer = forge(stack, waiting, **wish)
    assert answer["status"] == 401
    assert set(orjson.loads(answer["body"])) == {"code", "message"}
    assert orjson.loads(answer["body"])["code"] == "FAIL"
    assert stack.money_rows() == before


def test_the_order_of_all_refused_notices_can_still_be_paid(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    for _, wish in REFUSED[:12]:
        assert forge(stack, intent, **wish)["status"] == 401
    stack.pay(intent)
    reckon(stack, intent)
    assert len(notices_of(stack, intent)) == 1


def test_just_inside_five_minutes_is_believed(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    assert forge(stack, intent, timestamp_offset_s=-290)["status"] == 204
    assert stack.intent(intent["id"])["status"] == "succeeded"


def send(stack: RunningStack, method: str, path: str, **more: Any) -> urllib3.BaseHTTPResponse:
    pool = urllib3.PoolManager(retries=False, timeout=20.0)
    try:
        return pool.request(method, stack.web_url + path, **more)
    finally:
        pool.clear()


def test_the_same_bytes_twice_are_accepted_twice_and_settled_once(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    stack.pay(intent)
    before = reckon(stack, intent)
    (kept,) = notices_of(stack, intent)
    names = orjson.loads(kept["headers"])
    assert {"wechatpay-signature", "wechatpay-serial"} <= set(names)
    for _ in range(2):
        answer = send(stack, "POST", "/notices/wechat_v3/1900000109", body=kept["body"], headers=names)
        assert answer.status == 204
        assert answer.data == b""
    assert reckon(stack, intent) == before
    (kept,) = notices_of(stack, intent)
    assert kept["times_seen"] == 3
    assert discrepancies_of(stack, intent) == []


def test_replayed_signature_headers_do_not_carry_another_body(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    stack.pay(intent)
    reckon(stack, intent)
    (kept,) = notices_of(stack, intent)
    before = quiet_rows(stack)
    body = kept["body"].replace(b'"id"', b'"iD"', 1)
    assert body != kept["body"]
    names = orjson.loads(kept["headers"])
    answer = send(stack, "POST", "/notices/wechat_v3/1900000109", body=body, headers=names)
    assert answer.status == 401
    assert stack.money_rows() == before


@pytest.mark.parametrize(
    "path",
    [
        "/notices/wechat_v3/1900000110",
        "/notices/wechat_v3/",
        "/notices/wechat_v9/1900000109",
        "/notices/alipay/1900000109",
    ],
)
def test_an_address_of_nobody_is_not_found_however_well_signed(
    stack: RunningStack, waiting: dict[str, Any], path: str
) -> None:
    before = quiet_rows(stack)
    assert forge(stack, waiting, url=stack.web_url + path)["status"] == 404
    assert stack.money_rows() == before


def test_money_of_another_merchant_under_our_address_moves_nothing(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    before = stack.intent(intent["id"])
    assert forge(stack, intent, plaintext_overrides={"mchid": "1900000110"})["status"] == 204
    assert stack.intent(intent["id"]) == before
    (found,) = discrepancies_of(stack, intent)
    assert found["kind"] == "wrong"


@pytest.mark.parametrize("kind", ["COMPLAINT.CREATE", "TRANSACTION.OTHER", "PAYSCORE.USER_PAID"])
def test_a_proven_notice_of_another_kind_is_kept_and_moves_no_intent(stack: RunningStack, kind: str) -> None:
    intent = stack.confirmed_intent()
    before = stack.intent(intent["id"])
    assert forge(stack, intent, envelope_overrides={"event_type": kind})["status"] == 204
    assert stack.intent(intent["id"]) == before
    (kept,) = notices_of(stack, intent)
    assert (kept["kind"], kept["verdict"]) == (kind, "kept only")


@pytest.mark.parametrize("state", ["NOTPAY", "USERPAYING", "ACCEPT", "SOMETHING_NEW"])
def test_a_proven_notice_that_is_not_about_payment_moves_no_intent(stack: RunningStack, state: str) -> None:
    intent = stack.confirmed_intent()
    before = stack.intent(intent["id"])
    assert forge(stack, intent, plaintext_overrides={"trade_state": state})["status"] == 204
    assert stack.intent(intent["id"]) == before


def test_an_oversized_body_is_refused_unread(stack: RunningStack, waiting: dict[str, Any]) -> None:
    before = quiet_rows(stack)
    body = b"x" * (NOTICE_BYTES_MAX + 1)
    assert send(stack, "POST", "/notices/wechat_v3/1900000109", body=body).status == 413
    assert send(stack, "POST", "/notices/wechat_v3/1900000109", body=body[1:]).status == 401
    assert stack.money_rows() == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_only_post_is_a_notice(stack: RunningStack, waiting: dict[str, Any], method: str) -> None:
    before = quiet_rows(stack)
    answer = send(stack, method, "/notices/wechat_v3/1900000109")
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"]
    assert stack.money_rows() == before


def test_unknown_serials_make_us_call_out_once_at_most(stack: RunningStack, waiting: dict[str, Any]) -> None:
    before = stack.desk("GET", "/requests?limit=100000")["requests"]
    certificates = [entry for entry in before if "/v3/certificates" in entry["path"]]
    for _ in range(5):
        assert forge(stack, waiting, sign="unknown_serial")["status"] == 401
    after = stack.desk("GET", "/requests?limit=100000")["requests"]
    assert len([entry for entry in after if "/v3/certificates" in entry["path"]]) <= len(certificates) + 1


@pytest.mark.parametrize("knob", ["probe", "tamper", "unknown_serial", "stale_s"])
def test_a_bad_notice_is_followed_by_our_own_question(stack: RunningStack, knob: str) -> None:
    carry_waiting_notices(stack)
    stack.mischief(notices={knob: {"times": 1}})
    intent = stack.confirmed_intent()
    stack.pay(intent)
    notice = real_notice(stack, intent)
    assert [item["status"] for item in notice["deliveries"]] == [401]
    assert notice["state"] == "waiting"
    reckon(stack, intent)
    assert stack.desk("POST", f"/notices/{notice['id']}/send")["deliveries"][0]["status"] == 204


def test_notice_refusals_log_neither_body_nor_signature(stack: RunningStack, waiting: dict[str, Any]) -> None:
    forge(stack, waiting, raw_body='{"id":"secret-body-of-a-notice"}', sign="wrong_key")
    log = stack.wait_for(lambda: stack.log("web") if "notice_refused" in stack.log("web") else None, "the log")
    assert "secret-body-of-a-notice" not in log
    assert notice_address(stack).removeprefix(stack.web_url).startswith("/notices/")
    for order in stack.rows("SELECT payer FROM attempts"):
        assert order["payer"] not in log

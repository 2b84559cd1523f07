"""The gate lets in exactly what is rightly signed and headed, and signs every answer."""

from __future__ import annotations

import json
import time

import pytest

from .merchant import JSAPI, MCHID, Merchant

QUERY = f"/v3/pay/transactions/out-trade-no/order_0001?mchid={MCHID}"


def test_a_rightly_signed_order_is_accepted_and_the_answer_is_signed(merchant: Merchant) -> None:
    answer = merchant.call("POST", JSAPI, merchant.order())
    assert answer.status == 200
    assert answer.body["prepay_id"].startswith("wx")
    assert len(answer.body["prepay_id"]) <= 64
    assert answer.cause == 0


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("serial_no", "0" * 40),
        ("mchid", "1900000999"),
        ("signature", "AAAA"),
        ("signature", "not base64!"),
        ("nonce_str", "another"),
        ("nonce_str", "n" * 33),
        ("timestamp", "soon"),
    ],
)
def test_a_wrong_authorization_item_is_a_sign_error(merchant: Merchant, item: str, value: str) -> None:
    changed = merchant.authorization("GET", QUERY, **{item: value})
    answer = merchant.call("GET", QUERY, headers={"Authorization": changed})
    assert (answer.status, answer.body["code"]) == (401, "SIGN_ERROR")
    assert answer.body["detail"]["location"] == "authorization"
    assert answer.cause == 268443699


@pytest.mark.parametrize(("characters", "status"), [(1, 200), (32, 200), (33, 401), (0, 401)])
def test_a_nonce_has_one_to_thirty_two_characters(merchant: Merchant, characters: int, status: int) -> None:
    merchant.place()
    signed = merchant.authorization("GET", QUERY, nonce="n" * characters)
    assert merchant.call("GET", QUERY, headers={"Authorization": signed}).status == status


@pytest.mark.parametrize("age_s", [-310, 310])
def test_a_clock_more_than_five_minutes_off_is_refused(merchant: Merchant, age_s: int) -> None:
    stale = merchant.authorization("GET", QUERY, timestamp=str(int(time.time()) - age_s))
    assert merchant.call("GET", QUERY, headers={"Authorization": stale}).status == 401


@pytest.mark.parametrize("age_s", [-290, 290])
def test_a_clock_less_than_five_minutes_off_is_accepted(merchant: Merchant, age_s: int) -> None:
    merchant.place()
    near = merchant.authorization("GET", QUERY, timestamp=str(int(time.time()) - age_s))
    assert merchant.call("GET", QUERY, headers={"Authorization": near}).status == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer sk_test",
        'WECHATPAY2-SM2-WITH-SM3 mchid="1"',
        "WECHATPAY2-SHA256-RSA2048 nonsense",
        'WECHATPAY2-SHA256-RSA2048 mchid="1900000109"',
    ],
)
def test_a_malformed_authorization_is_a_sign_error(merchant: Merchant, authorization: str | None) -> None:
    answer = merchant.call("GET", QUERY, headers={"Authorization": authorization})
    assert (answer.status, answer.body["code"]) == (401, "SIGN_ERROR")


def test_the_body_that_was_signed_is_the_body_that_counts(merchant: Merchant) -> None:
    signed = json.dumps(merchant.order())
    changed = json.dumps(merchant.order(amount={"total": 1}))
    authorization = merchant.authorization("POST", JSAPI, signed)
    answer = merchant.call("POST", JSAPI, changed, {"Authorization": authorization})
    assert answer.status == 401
    shown = answer.body["detail"]["sign_information"]
    assert shown["truncated_sign_message"].startswith(f"POST\n{JSAPI}\n")
    assert (shown["method"], shown["url"]) == ("POST", JSAPI)


def test_the_query_string_is_part_of_what_is_signed(merchant: Merchant) -> None:
    merchant.place()
    path_only = merchant.authorization("GET", QUERY.split("?", 1)[0])
    assert merchant.call("GET", QUERY, headers={"Authorization": path_only}).status == 401


def test_a_path_is_verified_as_sent_and_not_as_decoded(merchant: Merchant) -> None:
    merchant.place("order|0001*")
    encoded = f"/v3/pay/transactions/out-trade-no/order%7C0001%2A?mchid={MCHID}"
    assert merchant.call("GET", encoded).status == 200
    decoded = f"/v3/pay/transactions/out-trade-no/order|0001*?mchid={MCHID}"
    authorization = merchant.authorization("GET", decoded)
    assert merchant.call("GET", encoded, headers={"Authorization": authorization}).status == 401


@pytest.mark.parametrize("name", ["Accept", "User-Agent"])
def test_accept_and_user_agent_are_required(merchant: Merchant, name: str) -> None:
    answer = merchant.call("GET", QUERY, headers={name: None})
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_must_be_declared_as_json(merchant: Merchant, media_type: str | None) -> None:
    answer = merchant.call("POST", JSAPI, merchant.order(), {"Content-Type": media_type})
    assert answer.status == 415


def test_an_unknown_path_answers_signed_not_found(merchant: Merchant) -> None:
    answer = merchant.call("GET", "/v3/pay/nowhere")
    assert (answer.status, answer.body["code"]) == (404, "RESOURCE_NOT_EXISTS")


def test_a_known_path_under_another_method_answers_signed_not_allowed(merchant: Merchant) -> None:
    assert merchant.call("GET", JSAPI).status == 405
    assert merchant.call("POST", QUERY, {"mchid": MCHID}).status == 405
    assert merchant.client.get("/nowhere").status_code == 404


def test_a_forged_answer_would_not_verify(merchant: Merchant) -> None:
    reply = merchant.send("GET", QUERY)
    headers = dict(reply.headers)
    assert merchant.genuine(headers, reply.get_data())
    assert not merchant.genuine(headers, reply.get_data() + b" ")

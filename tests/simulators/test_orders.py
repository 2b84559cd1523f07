"""An order number means one order for ever, and an order is paid or closed exactly once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from .merchant import JSAPI, MCHID, Merchant

HOUR_S = 3600
DAY_S = 86400


def test_an_unpaid_order_tells_only_who_it_is_and_its_state(merchant: Merchant) -> None:
    merchant.place(attach="kept back until paid")
    assert merchant.query("order_0001").body == {
        "appid": merchant.order()["appid"],
        "mchid": MCHID,
        "out_trade_no": "order_0001",
        "trade_state": "NOTPAY",
        "trade_state_desc": "订单未支付",
    }


def test_a_paid_order_tells_payer_amount_and_time(merchant: Merchant) -> None:
    merchant.pay(merchant.params(merchant.place(attach="table 5")))
    body = merchant.query("order_0001").body
    assert (body["trade_state"], body["trade_type"]) == ("SUCCESS", "JSAPI")
    assert body["amount"] == {
        "total": 100,
        "payer_total": 100,
        "currency": "CNY",
        "payer_currency": "CNY",
    }
    assert body["payer"]["openid"] == merchant.order()["payer"]["openid"]
    assert body["attach"] == "table 5"
    assert body["success_time"].endswith("+08:00")
    assert len(body["transaction_id"]) == 28


def test_a_paid_order_is_found_by_either_number(merchant: Merchant) -> None:
    merchant.pay(merchant.params(merchant.place()))
    body = merchant.query("order_0001").body
    url = f"/v3/pay/transactions/id/{body['transaction_id']}?mchid={MCHID}"
    assert merchant.call("GET", url).body == body


@pytest.mark.parametrize("path", ["out-trade-no/order_0009", "id/4200000000000000000000000000"])
def test_an_unknown_order_is_not_found(merchant: Merchant, path: str) -> None:
    answer = merchant.call("GET", f"/v3/pay/transactions/{path}?mchid={MCHID}")
    assert (answer.status, answer.body["code"]) == (404, "ORDER_NOT_EXIST")
    assert answer.cause == 268512771


@pytest.mark.parametrize("query", ["", "?mchid=", "?mchid=1900000110"])
def test_a_query_names_its_merchant(merchant: Merchant, query: str) -> None:
    merchant.place()
    answer = merchant.call("GET", f"/v3/pay/transactions/out-trade-no/order_0001{query}")
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")


def test_repeating_an_unpaid_order_gives_a_fresh_prepay_id(merchant: Merchant) -> None:
    first, second = merchant.place(), merchant.place()
    assert first != second
    assert merchant.pay(merchant.params(first))["err_msg"] == "get_brand_wcpay_request:ok"


def test_repeating_an_unpaid_order_with_changes_is_refused(merchant: Merchant) -> None:
    merchant.place()
    answer = merchant.call("POST", JSAPI, merchant.order(amount={"total": 101}))
    assert (answer.status, answer.body["code"]) == (400, "INVALID_REQUEST")
    assert answer.cause == 268498688


def test_repeating_a_paid_order_is_refused_whatever_it_says(merchant: Merchant) -> None:
    merchant.pay(merchant.params(merchant.place()))
    same = merchant.call("POST", JSAPI, merchant.order())
    assert (same.status, same.body["code"], same.cause) == (400, "ORDER_PAID", 268449538)
    other = merchant.call("POST", JSAPI, merchant.order(description="other"))
    assert (other.status, other.body["code"]) == (403, "OUT_TRADE_NO_USED")
    assert other.cause == 268498689


def test_repeating_a_closed_order_is_refused(merchant: Merchant) -> None:
    merchant.place()
    assert merchant.close("order_0001").status == 204
    for order in (merchant.order(), merchant.order(description="other")):
        answer = merchant.call("POST", JSAPI, order)
        assert (answer.status, answer.body["code"]) == (400, "ORDER_CLOSED")
        assert answer.cause == 268447914


def test_closing_twice_is_closing_once(merchant: Merchant) -> None:
    merchant.place()
    for _ in range(2):
        answer = merchant.close("order_0001")
        assert (answer.status, answer.body) == (204, None)
    assert merchant.query("order_0001").body["trade_state"] == "CLOSED"


def test_a_paid_order_cannot_be_closed(merchant: Merchant) -> None:
    merchant.pay(merchant.params(merchant.place()))
    answer = merchant.close("order_0001")
    assert (answer.status, answer.body["code"]) == (400, "ORDER_PAID")
    assert merchant.query("order_0001").body["trade_state"] == "SUCCESS"


def test_an_unknown_order_cannot_be_closed(merchant: Merchant) -> None:
    answer = merchant.close("order_0009")
    assert (answer.status, answer.body["code"]) == (404, "ORDER_NOT_EXIST")


@pytest.mark.parametrize("body", [{}, {"mchid": "1900000110"}, {"mchid": MCHID, "reason": "x"}])
def test_a_close_request_holds_the_merchant_number_alone(merchant: Merchant, body: dict[str, str]) -> None:
    merchant.place()
    url = "/v3/pay/transactions/out-trade-no/order_0001/close"
    answer = merchant.call("POST", url, body)
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")
    assert merchant.query("order_0001").body["trade_state"] == "NOTPAY"


def test_an_order_closes_itself_after_seven_days(merchant: Merchant) -> None:
    merchant.place()
    merchant.desk("POST", "/clock", {"advance_s": 7 * DAY_S - 60})
    assert merchant.query("order_0001").body["trade_state"] == "NOTPAY"
    merchant.desk("POST", "/clock", {"advance_s": 61})
    assert merchant.query("order_0001").body["trade_state"] == "CLOSED"


def test_an_order_closes_itself_at_time_expire(merchant: Merchant) -> None:
    ends = (datetime.now(UTC) + timedelta(minutes=10)).isoformat(timespec="seconds")
    merchant.place(time_expire=ends)
    merchant.desk("POST", "/clock", {"advance_s": 9 * 60})
    assert merchant.query("order_0001").body["trade_state"] == "NOTPAY"
    merchant.desk("POST", "/clock", {"advance_s": 2 * 60})
    assert merchant.query("order_0001").body["trade_state"] == "CLOSED"


def test_a_time_expire_in_the_past_leaves_one_minute(merchant: Merchant) -> None:
    prepay_id = merchant.place(time_expire="2020-01-01T00:00:00+08:00")
    assert merchant.query("order_0001").body["trade_state"] == "NOTPAY"
    merchant.desk("POST", "/clock", {"advance_s": 61})
    said = merchant.pay(merchant.params(prepay_id))
    assert said["err_desc"] == "该订单已失效"


def test_a_prepay_id_lives_two_hours_and_its_order_longer(merchant: Merchant) -> None:
    prepay_id = merchant.place()
    merchant.desk("POST", "/clock", {"advance_s": 2 * HOUR_S + 1})
    assert merchant.pay(merchant.params(prepay_id))["err_desc"] == "缺少参数 total_fee"
    assert merchant.query("order_0001").body["trade_state"] == "NOTPAY"
    said = merchant.pay(merchant.params(merchant.place()))
    assert said["err_msg"] == "get_brand_wcpay_request:ok"

"""Each rule of a refund request is refused under its own code and cause, and then no fen is promised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .merchant import MCHID, Merchant
from .refunding import REFUNDS, ask, books, paid, refund, rules
from .test_order_rules import ABSENT, changed

MEMBERS = [
    "transaction_id",
    "out_trade_no",
    "out_refund_no",
    "reason",
    "notify_url",
    "funds_account",
    "amount",
    "goods_detail",
]
GOODS = {"merchant_goods_id": "1", "unit_price": 100, "refund_amount": 30, "refund_quantity": 1}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("out_trade_no", ABSENT),
        ("out_trade_no", "short"),
        ("transaction_id", "4200000000000000000000000000"),
        ("out_refund_no", ABSENT),
        ("out_refund_no", ""),
        ("out_refund_no", "n" * 65),
        ("out_refund_no", "with space"),
        ("out_refund_no", "slash/1"),
        ("out_refund_no", "汉字"),
        ("out_refund_no", "newline\n"),
        ("reason", ""),
        ("reason", "长" * 27),
        ("reason", "r" * 81),
        ("reason", "emoji 😀"),
        ("reason", None),
        ("notify_url", "ftp://127.0.0.1/x"),
        ("notify_url", "http://127.0.0.1/x?a=1"),
        ("notify_url", "http://127.0.0.1"),
        ("notify_url", "http://127.0.0.1/" + "x" * 240),
        ("funds_account", "BASIC"),
        ("amount", ABSENT),
        ("amount.refund", ABSENT),
        ("amount.refund", 0),
        ("amount.refund", -1),
        ("amount.refund", "30"),
        ("amount.refund", 30.0),
        ("amount.refund", True),
        ("amount.refund", 2**63),
        ("amount.total", ABSENT),
        ("amount.total", 0),
        ("amount.currency", ABSENT),
        ("amount.currency", "USD"),
        ("amount.currency", "cny"),
        ("amount.from", [{"account": "AVAILABLE", "amount": 29}]),
        ("amount.from", [{"account": "AVAILABLE", "amount": 20}, {"account": "AVAILABLE", "amount": 10}]),
        ("amount.from", [{"account": "OTHER", "amount": 30}]),
        ("amount.from", [{"account": "AVAILABLE"}]),
        ("amount.from", []),
        ("goods_detail", [{**GOODS, "refund_quantity": 0}]),
        ("goods_detail", [{"merchant_goods_id": "1"}]),
        ("goods_detail", GOODS),
    ],
)
def test_a_member_out_of_bounds_is_a_parameter_error(merchant: Merchant, path: str, value: object) -> None:
    paid(merchant)
    answer = ask(merchant, changed(refund(30), path, value))
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")
    assert books(merchant)["refunds_count"] == 0
    assert merchant.query("order_0001").body["trade_state"] == "SUCCESS"


@pytest.mark.parametrize("path", ["mchid", "sub_mchid", "amount.payer_refund", "refund_fee"])
def test_a_member_nobody_knows_is_refused_as_an_extra_parameter(merchant: Merchant, path: str) -> None:
    paid(merchant)
    answer = ask(merchant, changed(refund(30), path, MCHID))
    assert (answer.status, answer.body["code"], answer.cause) == (400, "PARAM_ERROR", 270924358)


def test_more_than_was_paid_is_never_given_back(merchant: Merchant) -> None:
    paid(merchant)
    answer = ask(merchant, refund(101))
    assert (answer.status, answer.body["code"], answer.cause) == (400, "INVALID_REQUEST", 268435464)


def test_every_documented_member_at_its_limit_is_accepted(merchant: Merchant) -> None:
    transaction_id = paid(merchant)
    wish = refund(
        100,
        "n" * 64,
        transaction_id=transaction_id,
        reason="长" * 26 + "rr",
        notify_url="http://127.0.0.1:9/" + "x" * 236,
        funds_account="AVAILABLE",
        goods_detail=[GOODS],
    )
    del wish["out_trade_no"]
    wish["amount"]["from"] = [{"account": "AVAILABLE", "amount": 100}]
    assert ask(merchant, wish).status == 200


def test_an_unsigned_refund_is_refused_before_anything_is_read(merchant: Merchant) -> None:
    paid(merchant)
    answer = merchant.call("POST", REFUNDS, refund(), {"Authorization": "WECHATPAY2-SHA256-RSA2048 x"})
    assert (answer.status, answer.body["code"]) == (401, "SIGN_ERROR")
    assert books(merchant)["refunds_count"] == 0


def test_what_can_never_be_is_refused_as_such_even_within_the_minute(merchant: Merchant) -> None:
    paid(merchant)
    assert ask(merchant, refund(60)).status == 200
    assert ask(merchant, refund(41, "refund_2")).body["code"] == "INVALID_REQUEST"


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["CNY", "😀"])
)
names = st.sampled_from([*MEMBERS, "refund", "total", "currency", "from", "x"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(MEMBERS), values, max_size=3))
def test_no_body_whatever_brings_the_refund_path_down(merchant: Merchant, members: dict[str, Any]) -> None:
    merchant.desk("POST", "/reset")
    paid(merchant)
    rules(merchant, min_spacing_s=0)
    answer = merchant.call("POST", REFUNDS, json.dumps(refund(1) | members))
    assert answer.status in (200, 400, 403, 404)
    assert books(merchant)["refunds_count"] == (1 if answer.status == 200 else 0)

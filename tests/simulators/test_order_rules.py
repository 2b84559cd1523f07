"""Each rule of an order request is refused under its own code and cause."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .merchant import JSAPI, MINI_PROGRAM, UNBOUND, Merchant

ABSENT = object()
JSAPI_MEMBERS = [
    "appid",
    "mchid",
    "description",
    "out_trade_no",
    "notify_url",
    "amount",
    "payer",
    "time_expire",
    "attach",
    "limit_pay",
    "support_fapiao",
    "detail",
    "scene_info",
    "settle_info",
]


def changed(order: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of the order with one member set, or left out."""
    copy: dict[str, Any] = json.loads(json.dumps(order))
    *parents, last = path.split(".")
    inner = copy
    for name in parents:
        inner = inner.setdefault(name, {})
    if value is ABSENT:
        inner.pop(last)
    else:
        inner[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("appid", ABSENT),
        ("mchid", ABSENT),
        ("description", ABSENT),
        ("description", ""),
        ("description", "长" * 128),
        ("description", "emoji 😀"),
        ("description", 5),
        ("description", "half a pair \ud83d"),
        ("amount.total", 2**63),
        ("out_trade_no", ABSENT),
        ("out_trade_no", "short"),
        ("out_trade_no", "n" * 33),
        ("out_trade_no", "with space"),
        ("out_trade_no", "汉字汉字汉字"),
        ("out_trade_no", "newline_1\n"),
        ("notify_url", ABSENT),
        ("notify_url", "ftp://127.0.0.1/x"),
        ("notify_url", "http://127.0.0.1/x?a=1"),
        ("notify_url", "http://127.0.0.1/x?"),
        ("notify_url", "http://127.0.0.1/x#f"),
        ("notify_url", "http://user@127.0.0.1/x"),
        ("notify_url", "//127.0.0.1/x"),
        ("notify_url", "http://127.0.0.1"),
        ("notify_url", "http://127.0.0.1/" + "x" * 240),
        ("attach", "长" * 129),
        ("goods_tag", "t" * 33),
        ("time_expire", "2026-01-01 00:00:00"),
        ("time_expire", "2026-13-01T00:00:00+08:00"),
        ("time_expire", "2026-01-01T00:00:00"),
        ("limit_pay", "no_credit"),
        ("limit_pay", ["no_money"]),
        ("support_fapiao", "true"),
        ("amount", ABSENT),
        ("amount.total", ABSENT),
        ("amount.total", 0),
        ("amount.total", -1),
        ("amount.total", "100"),
        ("amount.total", 1.0),
        ("amount.total", True),
        ("payer", ABSENT),
        ("payer.openid", ABSENT),
        ("payer.openid", "o" * 28),
        ("attach", None),
        ("payer.openid", None),
        ("scene_info.device_id", "d" * 33),
        ("scene_info.store_info", {"name": "no id"}),
        ("detail.goods_detail", [{"merchant_goods_id": "1", "quantity": 1}]),
        ("settle_info.profit_sharing", 1),
    ],
)
def test_a_member_out_of_bounds_is_a_parameter_error(merchant: Merchant, path: str, value: object) -> None:
    answer = merchant.call("POST", JSAPI, changed(merchant.order(), path, value))
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")
    assert merchant.query("order_0001").status == 404


@pytest.mark.parametrize("path", ["trade_type", "amount.payer_total", "payer.name", "scene_info.h5_info", "detail.x"])
def test_a_member_nobody_knows_is_refused_as_an_extra_parameter(merchant: Merchant, path: str) -> None:
    answer = merchant.call("POST", JSAPI, changed(merchant.order(), path, "x"))
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")
    assert answer.cause == 270924358


@pytest.mark.parametrize(
    ("path", "value", "status", "code"),
    [
        ("amount.currency", "USD", 400, "INVALID_REQUEST"),
        ("appid", UNBOUND, 400, "APPID_MCHID_NOT_MATCH"),
        ("appid", "wx0000000000000000", 400, "APPID_MCHID_NOT_MATCH"),
        ("appid", MINI_PROGRAM, 400, "INVALID_REQUEST"),
        ("mchid", "1900000110", 400, "PARAM_ERROR"),
    ],
)
def test_what_does_not_belong_together_is_refused_by_its_own_code(
    merchant: Merchant, path: str, value: str, status: int, code: str
) -> None:
    answer = merchant.call("POST", JSAPI, changed(merchant.order(), path, value))
    assert (answer.status, answer.body["code"]) == (status, code)


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "{} {}", '{"amount": NaN}', '{"a": "\\ud83d\\ude00"}'])
def test_what_is_not_one_json_object_is_a_parameter_error(merchant: Merchant, body: str) -> None:
    answer = merchant.call("POST", JSAPI, body, {"Content-Type": "application/json"})
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")


words = st.text(max_size=40) | st.sampled_from(["CNY", "order_0001", "\ud800", "😀"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
names = st.sampled_from([*JSAPI_MEMBERS, "total", "openid", "goods_detail", "x", "\udfff"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(JSAPI_MEMBERS), values, max_size=4))
def test_no_body_whatever_brings_the_order_path_down(merchant: Merchant, members: dict[str, Any]) -> None:
    answer = merchant.call("POST", JSAPI, json.dumps(merchant.order() | members))
    assert answer.status in (200, 400)
    assert merchant.desk("GET", "/requests?limit=1")["requests"][0]["status"] == answer.status


def test_every_documented_member_at_its_limit_is_accepted(merchant: Merchant) -> None:
    order = merchant.order(
        "n" * 32,
        description="长" * 127,
        attach="附" * 128,
        goods_tag="t" * 32,
        limit_pay=["no_credit"],
        support_fapiao=False,
        time_expire="2026-11-30T10:00:00+08:00",
        detail={
            "cost_price": 100,
            "invoice_id": "i",
            "goods_detail": [{"merchant_goods_id": "1", "quantity": 1, "unit_price": 100}],
        },
        scene_info={"payer_client_ip": "127.0.0.1", "device_id": "d" * 32},
        settle_info={"profit_sharing": False},
    )
    assert merchant.call("POST", JSAPI, order).status == 200


def test_a_mini_program_orders_through_the_same_path(merchant: Merchant) -> None:
    payer = {"openid": merchant.openids[MINI_PROGRAM]}
    assert merchant.place(appid=MINI_PROGRAM, payer=payer)

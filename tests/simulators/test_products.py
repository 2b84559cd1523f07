"""Native, H5 and App orders have their own required members, their own names, and each ends in the cashier once."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import pytest

from .merchant import MCHID, Merchant
from .receiver import Receiver
from .test_order_rules import ABSENT, changed

MOBILE_APP = "wx8c1f5b7e3a9d2046"
PATHS = {name: f"/v3/pay/transactions/{name}" for name in ("native", "h5", "app")}
TRADE_TYPES = {"native": "NATIVE", "h5": "MWEB", "app": "APP"}
SCENE = {"payer_client_ip": "36.110.147.2", "h5_info": {"type": "Wap"}}
PRODUCTS = list(PATHS)


def order(merchant: Merchant, product: str, out_trade_no: str = "order_0001", **changes: Any) -> dict[str, Any]:
    """An order of 100 fen that names nobody."""
    body = merchant.order(out_trade_no)
    del body["payer"]
    if product == "h5":
        body["scene_info"] = json.loads(json.dumps(SCENE))
    if product == "app":
        body["appid"] = MOBILE_APP
    return body | changes


def place(merchant: Merchant, product: str, out_trade_no: str = "order_0001", **changes: Any) -> str:
    """Place such an order and give what opens it."""
    answer = merchant.call("POST", PATHS[product], order(merchant, product, out_trade_no, **changes))
    assert answer.status == 200, answer
    (opened,) = answer.body.values()
    return str(opened)


def app_params(merchant: Merchant, prepay_id: str) -> dict[str, str]:
    """What an app hands to the OpenSDK."""
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    return {
        "appid": MOBILE_APP,
        "partnerid": MCHID,
        "prepayid": prepay_id,
        "package": "Sign=WXPay",
        "noncestr": nonce,
        "timestamp": timestamp,
        "sign": merchant.sign(f"{MOBILE_APP}\n{timestamp}\n{nonce}\n{prepay_id}\n"),
    }


def enter(merchant: Merchant, product: str, opened: str, buyer: str = "buyer_1", outcome: str = "pay") -> Any:
    """Let a buyer in by what the order opened."""
    wishes: dict[str, tuple[str, dict[str, Any]]] = {
        "native": ("scan", {"code": opened}),
        "h5": ("open_h5", {"url": opened}),
        "app": ("pay_app", {"params": app_params(merchant, opened)}),
    }
    path, wish = wishes[product]
    return merchant.desk("POST", f"/buyers/{buyer}/{path}", wish | {"outcome": outcome})


@pytest.mark.parametrize(("product", "member"), [("native", "code_url"), ("h5", "h5_url"), ("app", "prepay_id")])
def test_each_product_answers_with_its_one_member(merchant: Merchant, product: str, member: str) -> None:
    answer = merchant.call("POST", PATHS[product], order(merchant, product))
    assert answer.status == 200
    assert list(answer.body) == [member]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("payer.openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
        ("description", ABSENT),
        ("notify_url", ABSENT),
        ("amount.total", 0),
        ("out_trade_no", "short"),
        ("trade_type", "NATIVE"),
        ("scene_info.payer_client_ip", ""),
        ("scene_info.payer_client_ip", None),
    ],
)
def test_a_member_out_of_bounds_is_a_parameter_error(
    merchant: Merchant, product: str, path: str, value: object
) -> None:
    answer = merchant.call("POST", PATHS[product], changed(order(merchant, product), path, value))
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")
    assert merchant.query("order_0001").status == 404


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("scene_info", ABSENT),
        ("scene_info.payer_client_ip", ABSENT),
        ("scene_info.payer_client_ip", "127.0.0.1"),
        ("scene_info.payer_client_ip", "127.8.8.8"),
        ("scene_info.payer_client_ip", "::1"),
        ("scene_info.payer_client_ip", "0.0.0.0"),
        ("scene_info.payer_client_ip", "36.110.147"),
        ("scene_info.payer_client_ip", "buyer.example.com"),
        ("scene_info.h5_info", ABSENT),
        ("scene_info.h5_info", {}),
        ("scene_info.h5_info", "Wap"),
        ("scene_info.h5_info.type", "IOS"),
        ("scene_info.h5_info.type", ""),
        ("scene_info.h5_info.app_name", "长" * 65),
        ("scene_info.h5_info.app_url", "x" * 129),
        ("scene_info.h5_info.colour", "red"),
    ],
)
def test_an_order_from_a_browser_says_where_the_buyer_is(merchant: Merchant, path: str, value: object) -> None:
    answer = merchant.call("POST", PATHS["h5"], changed(order(merchant, "h5"), path, value))
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")
    assert merchant.query("order_0001").status == 404


@pytest.mark.parametrize("product", ["native", "app"])
def test_only_a_browser_tells_of_its_page(merchant: Merchant, product: str) -> None:
    answer = merchant.call("POST", PATHS[product], order(merchant, product, scene_info=SCENE))
    assert (answer.status, answer.cause) == (400, 270924358)


@pytest.mark.parametrize(
    ("product", "appid"),
    [("app", "wx2421b1c4370ec43b"), ("app", "wx7a154c094f74e84f"), ("native", "wxd678efh567hg6787")],
)
def test_an_app_of_the_wrong_kind_or_not_bound_orders_nothing(merchant: Merchant, product: str, appid: str) -> None:
    answer = merchant.call("POST", PATHS[product], order(merchant, product, appid=appid))
    assert (answer.status, answer.body["code"]) == (400, "APPID_MCHID_NOT_MATCH")


@pytest.mark.parametrize("product", PRODUCTS)
def test_it_is_paid_once_and_told_under_its_own_name(merchant: Merchant, receiver: Receiver, product: str) -> None:
    opened = place(merchant, product, notify_url=receiver.url)
    assert enter(merchant, product, opened)["order"]["trade_state"] == "SUCCESS"
    assert enter(merchant, product, opened)["err_desc"] == "该订单已支付"
    told = merchant.query("order_0001").body
    assert (told["trade_type"], told["trade_state"]) == (TRADE_TYPES[product], "SUCCESS")
    assert told["payer"]["openid"] == merchant.openids[told["appid"]]
    (notice,) = merchant.desk("GET", "/notices?out_trade_no=order_0001&wait_s=5")["notices"]
    assert notice["state"] == "delivered", notice
    books = merchant.desk("GET", "/books")
    assert (books["paid_total"], books["balanced"]) == (100, True)


@pytest.mark.parametrize("product", PRODUCTS)
def test_an_order_belongs_to_who_opened_it_first(merchant: Merchant, product: str) -> None:
    second = merchant.desk("POST", "/buyers", {"name": "second"})["id"]
    opened = place(merchant, product)
    enter(merchant, product, opened, outcome="cancel")
    assert enter(merchant, product, opened, buyer=second)["err_desc"] == "订单信息错误，请重新下单"
    assert merchant.query("order_0001").body["trade_state"] == "NOTPAY"
    assert enter(merchant, product, opened)["order"]["trade_state"] == "SUCCESS"


@pytest.mark.parametrize(("product", "lasts_s"), [("native", 7200), ("h5", 300), ("app", 7200)])
def test_what_opens_an_order_ends_and_a_repeat_gives_a_fresh_one(
    merchant: Merchant, product: str, lasts_s: int
) -> None:
    opened = place(merchant, product)
    merchant.desk("POST", "/clock", {"advance_s": lasts_s + 1})
    assert "order" not in enter(merchant, product, opened)
    again = place(merchant, product)
    assert again != opened
    assert enter(merchant, product, again)["order"]["trade_state"] == "SUCCESS"


def test_a_number_of_one_product_is_not_repeated_through_another(merchant: Merchant) -> None:
    place(merchant, "native")
    answer = merchant.call("POST", PATHS["h5"], order(merchant, "h5"))
    assert (answer.status, answer.body["code"], answer.cause) == (400, "INVALID_REQUEST", 268498688)


@pytest.mark.parametrize(
    "text", ["", "weixin://wxpay/bizpayurl?pr=", "weixin://wxpay/bizpayurl?pr=AAAAAAAAA", "http://x"]
)
def test_a_code_that_nobody_gave_out_leads_nowhere(merchant: Merchant, text: str) -> None:
    reply = merchant.client.post("/_desk/buyers/buyer_1/scan", json={"code": text})
    assert reply.status_code in (200, 400)
    assert "order" not in reply.get_json()


def test_the_cashier_inside_wechat_opens_no_order_of_an_app(merchant: Merchant) -> None:
    prepay_id = place(merchant, "app")
    assert merchant.pay(merchant.params(prepay_id, MOBILE_APP), appid=MOBILE_APP)["err_desc"] == "缺少参数 total_fee"
    jsapi = merchant.place("order_0002")
    answer = enter(merchant, "app", jsapi)
    assert (answer["err_msg"], answer["err_desc"]) == ("errCode:-1", "缺少参数 total_fee")


@pytest.mark.parametrize(
    ("outcome", "said"), [("cancel", "errCode:-2"), ("wrong_password", "errCode:-1"), ("pay", "errCode:0")]
)
def test_an_app_is_answered_by_a_number(merchant: Merchant, outcome: str, said: str) -> None:
    assert enter(merchant, "app", place(merchant, "app"), outcome=outcome)["err_msg"] == said


def test_who_was_scanned_by_is_asked_for_a_refund_too(merchant: Merchant) -> None:
    enter(merchant, "native", place(merchant, "native"))
    wish = {
        "out_trade_no": "order_0001",
        "out_refund_no": "refund_0001",
        "amount": {"refund": 100, "total": 100, "currency": "CNY"},
    }
    assert merchant.call("POST", "/v3/refund/domestic/refunds", wish).status == 200
    merchant.desk("POST", "/refunds/refund_0001/settle", {"outcome": "SUCCESS"})
    assert merchant.desk("GET", "/buyers/buyer_1")["balance"] == 10_000_00

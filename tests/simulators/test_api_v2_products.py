"""QR codes, pages for browsers, apps and payment codes by API v2: what WeChat takes, what it refuses, and how."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any, Final

import pytest

from wxbackend.simulators.clock import compact
from wxbackend.simulators.credentials import MCHID, MOBILE_APP_APPID, OFFICIAL_ACCOUNT_APPID, UNBOUND_APPID
from wxbackend.simulators.wechat_pay.v2.signing import HMAC_SHA256, MD5, fits, sign
from wxbackend.simulators.wechat_pay.v2.xml import document, parse
from wxbackend.simulators.world import World

from .merchant import Merchant
from .old_merchant import NUMBER, ORDER, Old
from .receiver import Receiver

QUERY, CLOSE = "/pay/orderquery", "/pay/closeorder"
MICROPAY, REVERSE, REFUND = "/pay/micropay", "/secapi/pay/reverse", "/secapi/pay/refund"
SCENE: Final = json.dumps({"h5_info": {"type": "Wap", "wap_url": "https://shop.example", "wap_name": "茶"}})
PRODUCTS: Final[dict[str, dict[str, str]]] = {
    "NATIVE": {"trade_type": "NATIVE", "openid": "", "product_id": "1"},
    "MWEB": {"trade_type": "MWEB", "openid": "", "spbill_create_ip": "36.110.147.2", "scene_info": SCENE},
    "APP": {"trade_type": "APP", "openid": "", "appid": MOBILE_APP_APPID},
}


@pytest.fixture(params=[MD5, HMAC_SHA256])
def old(world: World, request: pytest.FixtureRequest) -> Old:
    """A merchant on API v2, signing in each way."""
    return Old(world, request.param)


def come_and_pay(old: Old, product: str, said: dict[str, str]) -> Any:
    """The default buyer comes in by the product's own door."""
    told: dict[str, tuple[str, dict[str, Any]]] = {
        "NATIVE": ("scan", {"code": said.get("code_url")}),
        "MWEB": ("open_h5", {"url": said.get("mweb_url")}),
        "APP": ("pay_app", {"params": app_params(old, said["prepay_id"])}),
    }
    path, wish = told[product]
    return old.client.post(f"/_desk/buyers/buyer_1/{path}", json=wish).get_json()


def app_params(old: Old, prepay_id: str) -> dict[str, str]:
    """What the OpenSDK takes."""
    params = {
        "appid": MOBILE_APP_APPID, "partnerid": MCHID, "prepayid": prepay_id, "package": "Sign=WXPay",
        "noncestr": secrets.token_hex(8), "timestamp": str(int(time.time())),
    }  # fmt: skip
    return {**params, "sign": sign(params, old.key, old.sign_type)}


def balance(old: Old) -> int:
    """What the default buyer has."""
    return int(old.client.get("/_desk/buyers/buyer_1").get_json()["balance"])


# --- orders that name no payer ---------------------------------------------------------------------


@pytest.mark.parametrize("product", PRODUCTS)
def test_whoever_comes_in_first_pays_once_and_the_notice_is_signed_as_the_order(
    old: Old, receiver: Receiver, product: str
) -> None:
    before = balance(old)
    said = old.ask(ORDER, old.order(notify_url=receiver.url) | PRODUCTS[product])
    assert come_and_pay(old, product, said)["err_msg"].endswith((":ok", ":0"))
    assert "已支付" in come_and_pay(old, product, said)["err_desc"]
    assert balance(old) == before - 100
    found = old.ask(QUERY, NUMBER | {"appid": PRODUCTS[product].get("appid", OFFICIAL_ACCOUNT_APPID)})
    assert (found["trade_state"], found["trade_type"]) == ("SUCCESS", product)
    old.client.get("/_desk/notices?wait_s=5")
    told = parse(receiver.received[0].body)
    assert (told["trade_type"], told["openid"], told["total_fee"]) == (product, found["openid"], "100")
    assert fits(told, old.key, old.sign_type)
    assert old.client.get("/_desk/books").get_json()["balanced"]


def test_a_repeated_code_replaces_the_one_before_and_another_product_is_another_request(old: Old) -> None:
    wish = old.order() | PRODUCTS["NATIVE"]
    first, second = old.ask(ORDER, wish), old.ask(ORDER, wish)
    assert old.ask(ORDER, old.order())["err_code"] == "INVALID_REQUEST"
    assert come_and_pay(old, "NATIVE", first)["err_msg"] == "scan:fail"
    assert come_and_pay(old, "NATIVE", second)["err_msg"] == "scan:ok"


def test_an_app_must_hand_over_what_was_signed_and_in_the_way_of_the_order(old: Old, merchant: Merchant) -> None:
    prepay_id = old.ask(ORDER, old.order() | PRODUCTS["APP"])["prepay_id"]
    good = app_params(old, prepay_id)
    another = Old(old.world, HMAC_SHA256 if old.sign_type == MD5 else MD5)
    message = f"{good['appid']}\n{good['timestamp']}\n{good['noncestr']}\n{prepay_id}\n"
    lies = [good | {name: "1" + value[1:]} for name, value in good.items() if value[0] != "1"]
    lies += [app_params(another, prepay_id), good | {"sign": merchant.sign(message)}]
    for lie in lies:
        answer = old.client.post("/_desk/buyers/buyer_1/pay_app", json={"params": lie}).get_json()
        assert answer["err_msg"] == "errCode:-1", lie
    assert come_and_pay(old, "APP", {"prepay_id": prepay_id})["err_msg"] == "errCode:0"


def test_what_api_v3_ordered_for_an_app_is_not_opened_by_a_v2_signature(old: Old, merchant: Merchant) -> None:
    order = merchant.order(appid=MOBILE_APP_APPID)
    del order["payer"]
    prepay_id = merchant.call("POST", "/v3/pay/transactions/app", order).body["prepay_id"]
    assert come_and_pay(old, "APP", {"prepay_id": prepay_id})["err_msg"] == "errCode:-1"


@pytest.mark.parametrize(
    ("product", "change", "verdict"),
    [
        ("NATIVE", {"product_id": ""}, "LACK_PARAMS"), ("NATIVE", {"notify_url": ""}, "LACK_PARAMS"),
        ("NATIVE", {"trade_type": "native"}, "PARAM_ERROR"), ("NATIVE", {"auth_code": "1" * 18}, "PARAM_ERROR"),
        ("MWEB", {"scene_info": ""}, "LACK_PARAMS"), ("MWEB", {"scene_info": "{"}, "PARAM_ERROR"),
        ("MWEB", {"scene_info": "[]"}, "PARAM_ERROR"), ("MWEB", {"scene_info": "[" * 250}, "PARAM_ERROR"),
        ("MWEB", {"scene_info": '{"h5_info":{"type":"wap"}}'}, "PARAM_ERROR"),
        ("MWEB", {"spbill_create_ip": "127.0.0.1"}, "PARAM_ERROR"), ("MWEB", {"spbill_create_ip": "::"}, "PARAM_ERROR"),
        ("MWEB", {"spbill_create_ip": "1.2.3"}, "PARAM_ERROR"), ("MWEB", {"trade_type": "MICROPAY"}, "PARAM_ERROR"),
        ("APP", {"appid": OFFICIAL_ACCOUNT_APPID}, "APPID_MCHID_NOT_MATCH"),
        ("APP", {"trade_type": "JSAPI", "openid": "o"}, "APPID_MCHID_NOT_MATCH"),
        ("APP", {"body": ""}, "LACK_PARAMS"),
    ],
)  # fmt: skip
def test_an_order_that_breaks_a_rule_of_its_product_is_refused(
    old: Old, product: str, change: dict[str, str], verdict: str
) -> None:
    said = old.ask(ORDER, old.order() | PRODUCTS[product] | change)
    assert not {"prepay_id", "code_url", "mweb_url"} & set(said)
    assert old.verdict() == verdict
    assert old.world.orders.everything() == []


@pytest.mark.parametrize(("seconds", "taken"), [(240, False), (330, True)])
def test_an_order_that_ends_within_five_minutes_is_refused(old: Old, seconds: int, taken: bool) -> None:
    said = old.ask(ORDER, old.order(time_expire=compact(time.time() + seconds)))
    assert ("prepay_id" in said) == taken
    assert taken or "其他5分钟" in said["return_msg"]


# --- payment codes ---------------------------------------------------------------------------------


def show_code(old: Old, **wish: Any) -> str:
    """The code on the default buyer's phone."""
    return str(old.client.post("/_desk/buyers/buyer_1/payment_code", json=wish).get_json()["code"])


def a_charge(code: str, **changes: str) -> dict[str, str]:
    """A charge of 100 fen."""
    fields = {**NUMBER, "body": "一杯咖啡", "total_fee": "100", "spbill_create_ip": "127.0.0.1", "auth_code": code}
    return fields | changes


def pin(old: Old, outcome: str = "pay") -> None:
    """The buyer answers the question for the PIN."""
    old.client.post("/_desk/buyers/buyer_1/pin", json={**NUMBER, "outcome": outcome})


def test_a_small_amount_is_paid_at_once_and_both_versions_know_it(old: Old, merchant: Merchant) -> None:
    before = balance(old)
    said = old.ask(MICROPAY, a_charge(show_code(old)))
    assert (said["result_code"], said["trade_type"], said["total_fee"]) == ("SUCCESS", "MICROPAY", "100")
    assert said["openid"] == merchant.openids[OFFICIAL_ACCOUNT_APPID]
    assert balance(old) == before - 100
    assert merchant.query("order_0001").body["transaction_id"] == said["transaction_id"]
    assert old.client.get("/_desk/notices?wait_s=1").get_json()["notices"] == []


@pytest.mark.parametrize(
    ("outcome", "state", "again"),
    [
        ("pay", "SUCCESS", "ORDERPAID"), ("wrong_password", "USERPAYING", "USERPAYING"),
        ("cancel", "PAYERROR", "ORDERCLOSED"),
    ],
)  # fmt: skip
def test_a_pin_is_asked_for_with_an_error_that_is_none(old: Old, outcome: str, state: str, again: str) -> None:
    wish = a_charge(show_code(old, ask_pin=True))
    said = old.ask(MICROPAY, wish)
    assert (said["result_code"], said["err_code"]) == ("FAIL", "USERPAYING")
    assert "transaction_id" not in said
    assert old.ask(QUERY, NUMBER)["trade_state"] == "USERPAYING"
    pin(old, outcome)
    assert old.ask(QUERY, NUMBER)["trade_state"] == state
    assert old.ask(MICROPAY, wish)["err_code"] == again


def test_a_code_that_cannot_be_charged_is_refused_by_its_name_and_makes_no_order(old: Old, merchant: Merchant) -> None:
    used, late = show_code(old), show_code(old)
    old.ask(MICROPAY, a_charge(used))
    merchant.desk("POST", "/clock", {"advance_s": 61})
    before = balance(old)
    told = {
        "AUTH_CODE_ERROR": used, "AUTHCODEEXPIRE": late, "AUTH_CODE_INVALID": "134567890123456789",
    } | {"AUTH_CODE_INVALID ": "28" + "1" * 16}  # fmt: skip
    for number, (err_code, code) in enumerate(told.items(), 2):
        other = {"out_trade_no": f"order_000{number}"}
        assert old.ask(MICROPAY, a_charge(code, **other))["err_code"] == err_code.strip()
        assert old.ask(QUERY, other)["err_code"] == "ORDERNOTEXIST"
    assert balance(old) == before


def test_a_buyer_without_the_money_is_refused_and_the_number_is_used_up(old: Old) -> None:
    wish = a_charge(show_code(old, ask_pin=False), total_fee=str(balance(old) + 1))
    assert old.ask(MICROPAY, wish)["err_code"] == "NOTENOUGH"
    assert old.ask(QUERY, NUMBER)["trade_state"] == "PAYERROR"
    assert old.ask(MICROPAY, wish)["err_code"] == "ORDERCLOSED"


def test_a_charge_that_changed_is_refused(old: Old, merchant: Merchant) -> None:
    code = show_code(old, ask_pin=True)
    old.ask(MICROPAY, a_charge(code))
    assert old.ask(MICROPAY, a_charge(code, total_fee="1"))["err_code"] == "OUT_TRADE_NO_USED"
    assert old.ask(ORDER, old.order())["err_code"] == "INVALID_REQUEST"
    assert old.ask(CLOSE, NUMBER)["err_code"] == "TRADE_STATE_ERROR"
    assert merchant.close("order_0001").cause == 268449641
    assert old.ask(QUERY, NUMBER)["trade_state"] == "USERPAYING"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"auth_code": ""}, "LACK_PARAMS"), ({"body": ""}, "LACK_PARAMS"), ({"total_fee": "1.5"}, "PARAM_ERROR"),
        ({"notify_url": "http://127.0.0.1:9/n"}, "PARAM_ERROR"), ({"trade_type": "MICROPAY"}, "PARAM_ERROR"),
        ({"openid": "o"}, "PARAM_ERROR"), ({"spbill_create_ip": "here"}, "PARAM_ERROR"),
        ({"appid": UNBOUND_APPID}, "APPID_MCHID_NOT_MATCH"), ({"fee_type": "USD"}, "PARAM_ERROR"),
    ],
)  # fmt: skip
def test_a_charge_that_breaks_a_rule_is_refused_and_the_code_is_still_good(
    old: Old, change: dict[str, str], verdict: str
) -> None:
    code = show_code(old)
    said = old.ask(MICROPAY, a_charge(code) | change)
    assert ("FAIL" in (said["return_code"], said.get("result_code")), old.verdict()) == (True, verdict)
    assert old.ask(MICROPAY, a_charge(code))["result_code"] == "SUCCESS"


def test_a_charge_that_would_end_within_a_minute_is_refused(old: Old) -> None:
    code = show_code(old)
    soon, later = compact(time.time() + 45), compact(time.time() + 90)
    assert "刷卡至少1分钟" in old.ask(MICROPAY, a_charge(code, time_expire=soon))["return_msg"]
    assert old.ask(MICROPAY, a_charge(code, time_expire=later))["result_code"] == "SUCCESS"


# --- reversals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("paid", [True, False])
def test_a_reversal_gives_back_what_was_paid_and_ends_the_rest_and_can_be_repeated(old: Old, paid: bool) -> None:
    before, code = balance(old), show_code(old, ask_pin=not paid)
    old.ask(MICROPAY, a_charge(code))
    said = [old.ask(REVERSE, NUMBER) for _ in range(2)]
    assert [(each["result_code"], each["recall"]) for each in said] == [("SUCCESS", "N")] * 2
    assert old.ask(QUERY, NUMBER)["trade_state"] == "REVOKED"
    assert old.ask(MICROPAY, a_charge(code))["err_code"] == "ORDERREVERSED"
    assert balance(old) == before
    assert old.client.get("/_desk/books").get_json()["balanced"]


def test_a_reversal_wants_the_certificate_and_without_it_nothing_happens(old: Old) -> None:
    old.ask(MICROPAY, a_charge(show_code(old)))
    reply = old.client.post(REVERSE, data=document(old.signed(NUMBER)), headers={"SSL_CLIENT_CERT": "x"})
    assert (reply.status_code, b"No required SSL certificate" in reply.data) == (400, True)
    assert old.ask(QUERY, NUMBER)["trade_state"] == "SUCCESS"


def test_a_reversal_that_is_put_off_says_so_and_has_done_nothing(old: Old, merchant: Merchant) -> None:
    old.ask(MICROPAY, a_charge(show_code(old)))
    merchant.desk("POST", "/payment_codes/rules", {"recalls": 1})
    assert old.ask(REVERSE, NUMBER)["recall"] == "Y"
    assert old.ask(QUERY, NUMBER)["trade_state"] == "SUCCESS"
    merchant.desk("POST", "/mischief", {"api": [{"fault": "error_500_before", "path": "reverse", "times": 1}]})
    said = old.ask(REVERSE, NUMBER)
    assert (said["err_code"], said["recall"]) == ("SYSTEMERROR", "Y")
    transaction = old.ask(QUERY, NUMBER)["transaction_id"]
    assert old.ask(REVERSE, {"transaction_id": transaction})["recall"] == "N"
    assert old.ask(QUERY, NUMBER)["trade_state"] == "REVOKED"


def test_what_cannot_be_reversed_is_refused_for_good_and_stays_as_it_was(old: Old, merchant: Merchant) -> None:
    assert old.ask(REVERSE, {})["return_code"] == "FAIL"
    assert (old.ask(REVERSE, NUMBER)["err_code"], old.ask(REVERSE, NUMBER)["recall"]) == ("ORDERNOTEXIST", "N")
    old.ask(ORDER, old.order(out_trade_no="order_0002"))
    assert old.ask(REVERSE, {"out_trade_no": "order_0002"})["err_code"] == "INVALID_REQUEST"
    old.ask(MICROPAY, a_charge(show_code(old)))
    assert old.ask(REVERSE, {**NUMBER, "appid": MOBILE_APP_APPID})["err_code"] == "PARAM_ERROR"
    refund = {**NUMBER, "out_refund_no": "refund_1", "total_fee": "100", "refund_fee": "1"}
    assert old.ask(REFUND, refund)["result_code"] == "SUCCESS"
    assert old.ask(REVERSE, NUMBER)["err_code"] == "TRADE_ERROR"
    old.ask(MICROPAY, a_charge(show_code(old), out_trade_no="order_0003"))
    merchant.desk("POST", "/clock", {"advance_s": 7 * 86_400 + 1})
    said = old.ask(REVERSE, {"out_trade_no": "order_0003"})
    assert (said["err_code"], said["recall"]) == ("REVERSE_EXPIRE", "N")
    assert old.ask(QUERY, {"out_trade_no": "order_0003"})["trade_state"] == "SUCCESS"

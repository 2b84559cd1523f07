"""The cashier believes only rightly signed parameters, takes money once, and may lie to the page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .merchant import MINI_PROGRAM, OFFICIAL_ACCOUNT, UNBOUND, Merchant

OK = "get_brand_wcpay_request:ok"
NOT_A_STRING = "parameter error: parameter.{} should be String instead of {};"
FAIL = "get_brand_wcpay_request:fail"


def state(merchant: Merchant) -> str:
    """Of the order of this test."""
    return str(merchant.query("order_0001").body["trade_state"])


@pytest.mark.parametrize(
    ("outcome", "err_msg", "after"),
    [
        ("pay", OK, "SUCCESS"),
        ("cancel", "get_brand_wcpay_request:cancel", "NOTPAY"),
        ("fail", FAIL, "NOTPAY"),
        ("wrong_password", FAIL, "NOTPAY"),
        ("no_money", FAIL, "NOTPAY"),
        ("pay_but_report_cancel", "get_brand_wcpay_request:cancel", "SUCCESS"),
        ("pay_and_say_nothing", None, "SUCCESS"),
    ],
)
def test_what_the_page_hears_is_not_always_what_happened(
    merchant: Merchant, outcome: str, err_msg: str | None, after: str
) -> None:
    assert merchant.pay(merchant.params(merchant.place()), outcome)["err_msg"] == err_msg
    assert state(merchant) == after


@pytest.mark.parametrize(
    ("name", "value", "err_desc"),
    [
        ("appId", None, "缺少参数 appId"),
        ("timeStamp", None, "缺少参数 timeStamp"),
        ("timeStamp", 1700000000, "缺少参数 timeStamp"),
        ("nonceStr", "", "缺少参数 nonceStr"),
        ("package", None, "缺少参数 package"),
        ("signType", None, "缺少参数 signType"),
        ("paySign", None, "缺少参数 paySign"),
        ("paySign", "AAAA", "支付验证签名失败"),
        ("nonceStr", "changed", "支付验证签名失败"),
        ("timeStamp", "1700000000", "支付验证签名失败"),
        ("signType", "MD5", "支付验证签名失败"),
        ("package", "prepay_id=wx00000000000000unknown", "缺少参数 total_fee"),
        ("package", "wx00000000000000", "缺少参数 total_fee"),
        ("appId", UNBOUND, "缺少参数 total_fee"),
    ],
)
def test_a_wrong_parameter_keeps_the_cashier_shut(merchant: Merchant, name: str, value: object, err_desc: str) -> None:
    params = merchant.params(merchant.place())
    params[name] = value
    kept = {key: item for key, item in params.items() if item is not None}
    said = merchant.pay(kept)
    assert (said["err_msg"], said["err_desc"]) == (FAIL, err_desc)
    assert state(merchant) == "NOTPAY"


def test_parameters_signed_for_another_app_open_nothing(merchant: Merchant) -> None:
    prepay_id = merchant.place()
    said = merchant.pay(merchant.params(prepay_id, MINI_PROGRAM))
    assert said["err_desc"] == "缺少参数 total_fee"


def mini_program(merchant: Merchant) -> dict[str, Any]:
    """An order of the mini program and the parameters for wx.requestPayment."""
    payer = {"openid": merchant.openids[MINI_PROGRAM]}
    params = merchant.params(merchant.place(appid=MINI_PROGRAM, payer=payer), MINI_PROGRAM)
    del params["appId"]
    return params


def test_a_mini_program_signs_with_its_own_appid(merchant: Merchant) -> None:
    wish = {"channel": "mini_program", "appid": MINI_PROGRAM}
    said = merchant.pay(mini_program(merchant), **wish)
    assert (said["err_msg"], state(merchant)) == ("requestPayment:ok", "SUCCESS")


def test_a_mini_program_run_under_another_appid_cannot_pay(merchant: Merchant) -> None:
    wish = {"channel": "mini_program", "appid": OFFICIAL_ACCOUNT}
    said = merchant.pay(mini_program(merchant), **wish)
    assert said["err_msg"] == "requestPayment:fail 缺少参数 total_fee"


@pytest.mark.parametrize(
    ("name", "value", "err_msg"),
    [
        ("signType", None, "requestPayment:fail 支付验证签名失败"),
        (
            "timeStamp",
            1700000000,
            "requestPayment:fail " + NOT_A_STRING.format("timeStamp", "Number"),
        ),
        (
            "paySign",
            None,
            "requestPayment:fail " + NOT_A_STRING.format("paySign", "Undefined"),
        ),
    ],
)
def test_a_mini_program_is_told_the_detail_in_err_msg(
    merchant: Merchant, name: str, value: object, err_msg: str
) -> None:
    params = mini_program(merchant)
    params[name] = value
    kept = {key: item for key, item in params.items() if item is not None}
    said = merchant.pay(kept, channel="mini_program", appid=MINI_PROGRAM)
    assert said["err_msg"] == err_msg


def test_a_mini_program_cancel_is_worded_as_a_failure(merchant: Merchant) -> None:
    wish = {"channel": "mini_program", "appid": MINI_PROGRAM}
    said = merchant.pay(mini_program(merchant), "cancel", **wish)
    assert said["err_msg"] == "requestPayment:fail cancel"


@pytest.mark.parametrize("as_number", [True, False])
def test_choose_wx_pay_takes_a_lower_case_timestamp_of_either_type(merchant: Merchant, *, as_number: bool) -> None:
    params = merchant.params(merchant.place())
    time = params.pop("timeStamp")
    params["timestamp"] = int(time) if as_number else time
    del params["appId"]
    assert merchant.pay(params, channel="js_sdk")["err_msg"] == "chooseWXPay:ok"


def test_only_the_buyer_named_in_the_order_can_pay_it(merchant: Merchant) -> None:
    params = merchant.params(merchant.place())
    other = merchant.desk("POST", "/buyers", {"name": "小红"})
    wish = {"channel": "official_account", "appid": OFFICIAL_ACCOUNT, "params": params}
    said = merchant.desk("POST", f"/buyers/{other['id']}/pay", {**wish, "outcome": "pay"})
    assert said["err_desc"] == "下单账号与支付账号不一致"
    assert state(merchant) == "NOTPAY"


def test_paying_twice_takes_the_money_once(merchant: Merchant) -> None:
    params = merchant.params(merchant.place())
    assert merchant.pay(params)["err_msg"] == OK
    assert merchant.pay(params)["err_desc"] == "该订单已支付"
    books = merchant.desk("GET", "/books")
    assert (books["merchant_balance"], books["paid_count"], books["balanced"]) == (100, 1, True)


def test_a_closed_order_takes_no_money(merchant: Merchant) -> None:
    params = merchant.params(merchant.place())
    merchant.close("order_0001")
    assert merchant.pay(params)["err_desc"] == "该订单已失效"
    assert merchant.desk("GET", "/books")["merchant_balance"] == 0


def test_who_lacks_the_money_cannot_pay(merchant: Merchant) -> None:
    params = merchant.params(merchant.place(amount={"total": 10_000_01}))
    assert merchant.pay(params)["err_desc"] == "余额不足"
    assert state(merchant) == "NOTPAY"


def test_paid_and_closed_at_once_ends_as_exactly_one_of_them(merchant: Merchant) -> None:
    for number in range(12):
        name = f"race_{number:04d}"
        params = merchant.params(merchant.place(name))
        with ThreadPoolExecutor(2) as both:
            paying = both.submit(merchant.pay, params)
            closing = both.submit(merchant.close, name)
            said, closed = paying.result()["err_msg"], closing.result().status
        expected = ("SUCCESS", 400) if said == OK else ("CLOSED", 204)
        assert (merchant.query(name).body["trade_state"], closed) == expected
    assert merchant.desk("GET", "/books")["balanced"] is True

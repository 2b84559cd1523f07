"""Payment codes in the simulator: what WeChat takes, what it refuses and how, the PIN, and the reversal."""

from __future__ import annotations

from typing import Any

import pytest

from .merchant import MCHID, MINI_PROGRAM, OFFICIAL_ACCOUNT, UNBOUND, Answer, Merchant

CODE_PAY = "/v3/pay/transactions/codepay"
UNKNOWN_CODE = "134567890123456789"


def show_code(merchant: Merchant, **wish: Any) -> str:
    """The code on the default buyer's phone."""
    return str(merchant.desk("POST", "/buyers/buyer_1/payment_code", wish)["code"])


def body(code: str, out_trade_no: str = "scan_0001", **changes: Any) -> dict[str, Any]:
    """A charge of 100 fen."""
    return {
        "appid": OFFICIAL_ACCOUNT,
        "mchid": MCHID,
        "description": "一杯咖啡",
        "out_trade_no": out_trade_no,
        "amount": {"total": 100, "currency": "CNY"},
        "payer": {"auth_code": code},
        "scene_info": {"store_info": {"id": "0001"}},
        **changes,
    }


def charge(merchant: Merchant, code: str, out_trade_no: str = "scan_0001", **changes: Any) -> Answer:
    """Charge a code."""
    return merchant.call("POST", CODE_PAY, body(code, out_trade_no, **changes))


def reverse(merchant: Merchant, out_trade_no: str = "scan_0001", **changes: Any) -> Answer:
    """Reverse a charge."""
    url = f"/v3/pay/transactions/out-trade-no/{out_trade_no}/reverse"
    return merchant.call("POST", url, {"appid": OFFICIAL_ACCOUNT, "mchid": MCHID, **changes})


def pin(merchant: Merchant, outcome: str = "pay", out_trade_no: str = "scan_0001") -> str:
    """Answer the question for the PIN; the order's state."""
    told = {"out_trade_no": out_trade_no, "outcome": outcome}
    return str(merchant.desk("POST", "/buyers/buyer_1/pin", told)["trade_state"])


def balance(merchant: Merchant) -> int:
    """What the default buyer has."""
    return int(merchant.desk("GET", "/buyers/buyer_1")["balance"])


def balanced(merchant: Merchant) -> bool:
    """Whether the books do."""
    return bool(merchant.desk("GET", "/books")["balanced"])


@pytest.mark.parametrize("appid", [OFFICIAL_ACCOUNT, MINI_PROGRAM])
def test_a_small_amount_is_paid_at_once_by_whoever_showed_the_code(merchant: Merchant, appid: str) -> None:
    before = balance(merchant)
    answer = charge(merchant, show_code(merchant), appid=appid)
    assert (answer.status, answer.body["trade_state"], answer.body["trade_type"]) == (200, "SUCCESS", "MICROPAY")
    assert answer.body["payer"]["openid"] == merchant.openids[appid]
    assert answer.body["amount"]["total"] == before - balance(merchant) == 100
    assert merchant.query("scan_0001").body == answer.body
    assert balanced(merchant)


def test_beyond_the_limit_the_pin_is_asked_for_and_one_fen_less_is_not(merchant: Merchant) -> None:
    merchant.desk("POST", "/payment_codes/rules", {"pin_above": 99})
    answer = charge(merchant, show_code(merchant))
    assert (answer.status, answer.body["trade_state"]) == (200, "USERPAYING")
    assert "amount" not in answer.body
    assert merchant.query("scan_0001").body["trade_state"] == "USERPAYING"
    free = charge(merchant, show_code(merchant), "scan_0002", amount={"total": 99})
    assert free.body["trade_state"] == "SUCCESS"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("pay", "SUCCESS"), ("wrong_password", "USERPAYING"), ("no_money", "PAYERROR"), ("cancel", "PAYERROR")],
)
def test_what_the_buyer_answers_to_the_pin_is_what_a_query_says(merchant: Merchant, outcome: str, state: str) -> None:
    charge(merchant, show_code(merchant, ask_pin=True))
    assert [each["out_trade_no"] for each in merchant.desk("GET", "/buyers/buyer_1/pin")["orders"]] == ["scan_0001"]
    assert pin(merchant, outcome) == state
    assert merchant.query("scan_0001").body["trade_state"] == state
    assert balanced(merchant)


def test_only_the_buyer_who_is_asked_can_type_the_pin(merchant: Merchant) -> None:
    charge(merchant, show_code(merchant, ask_pin=True))
    other = merchant.desk("POST", "/buyers", {})["id"]
    reply = merchant.client.post(f"/_desk/buyers/{other}/pin", json={"out_trade_no": "scan_0001"})
    assert reply.status_code == 400
    assert merchant.query("scan_0001").body["trade_state"] == "USERPAYING"


def test_a_code_is_good_for_a_minute_and_for_one_payment(merchant: Merchant) -> None:
    before = balance(merchant)
    used, old = show_code(merchant), show_code(merchant)
    assert charge(merchant, used).status == 200
    merchant.desk("POST", "/clock", {"advance_s": 61})
    told = {
        "AUTH_CODE_ERROR": charge(merchant, used, "scan_0002"),
        "AUTH_CODE_EXPIRE": charge(merchant, old, "scan_0003"),
        "AUTH_CODE_INVALID": charge(merchant, UNKNOWN_CODE, "scan_0004"),
    }
    for code, answer in told.items():
        assert (answer.status, answer.body["code"]) == (400, code)
    assert balance(merchant) == before - 100
    assert [merchant.query(f"scan_000{number}").status for number in (2, 3, 4)] == [404, 404, 404]


def test_without_the_money_it_fails_and_the_number_is_used_up(merchant: Merchant) -> None:
    code = show_code(merchant, ask_pin=False)
    answer = charge(merchant, code, amount={"total": balance(merchant) + 1})
    assert (answer.status, answer.body["code"]) == (403, "NOT_ENOUGH")
    assert merchant.query("scan_0001").body["trade_state"] == "PAYERROR"
    assert balanced(merchant)


def test_a_repeat_is_the_same_order_and_a_changed_one_is_refused(merchant: Merchant) -> None:
    code = show_code(merchant, ask_pin=True)
    first = charge(merchant, code)
    assert charge(merchant, code).body == first.body
    changed = charge(merchant, code, amount={"total": 1})
    assert (changed.status, changed.body["code"]) == (403, "OUT_TRADE_NO_USED")
    pin(merchant)
    paid = charge(merchant, code)
    assert (paid.status, paid.body["code"]) == (400, "ORDER_PAID")


@pytest.mark.parametrize("paid", [True, False])
def test_a_reversal_gives_back_what_was_paid_and_makes_the_rest_unpayable(merchant: Merchant, paid: bool) -> None:
    before, code = balance(merchant), show_code(merchant, ask_pin=not paid)
    charge(merchant, code)
    for _ in range(2):
        answer = reverse(merchant)
        assert answer.status == 200
        assert answer.body == {"appid": OFFICIAL_ACCOUNT, "mchid": MCHID, "out_trade_no": "scan_0001"}
    assert merchant.query("scan_0001").body["trade_state"] == "REVOKED"
    assert charge(merchant, code).body["code"] == "ORDER_REVERSED"
    assert balance(merchant) == before
    assert merchant.desk("GET", "/buyers/buyer_1/pin")["orders"] == []
    assert balanced(merchant)


def test_a_reversal_that_is_put_off_says_so_and_has_done_nothing(merchant: Merchant) -> None:
    charge(merchant, show_code(merchant))
    merchant.desk("POST", "/payment_codes/rules", {"recalls": 1})
    assert reverse(merchant).body["recall"] == "Y"
    assert merchant.query("scan_0001").body["trade_state"] == "SUCCESS"
    assert "recall" not in reverse(merchant).body
    assert merchant.query("scan_0001").body["trade_state"] == "REVOKED"


def test_what_cannot_be_reversed_is_refused_and_stays_as_it_was(merchant: Merchant) -> None:
    merchant.place("order_0001")
    charge(merchant, show_code(merchant))
    transaction = merchant.query("scan_0001").body["transaction_id"]
    refund = {
        "transaction_id": transaction,
        "out_refund_no": "refund_0001",
        "amount": {"refund": 1, "total": 100, "currency": "CNY"},
    }
    charge(merchant, show_code(merchant), "scan_0002")
    assert merchant.call("POST", "/v3/refund/domestic/refunds", refund).status == 200
    told = {
        "scan_9999": (404, "ORDER_NOT_EXIST"),
        "order_0001": (400, "INVALID_REQUEST"),
        "scan_0001": (400, "TRADE_ERROR"),
    }
    for number, refused in told.items():
        answer = reverse(merchant, number)
        assert (answer.status, answer.body["code"]) == refused
    merchant.desk("POST", "/clock", {"advance_s": 7 * 86_400 + 1})
    assert reverse(merchant, "scan_0002").body["code"] == "INVALID_REQUEST"
    assert merchant.query("scan_0002").body["trade_state"] == "SUCCESS"


def test_an_order_by_code_is_reversed_and_not_closed(merchant: Merchant) -> None:
    charge(merchant, show_code(merchant, ask_pin=True))
    answer = merchant.close("scan_0001")
    assert (answer.status, answer.cause) == (400, 268449641)
    assert merchant.query("scan_0001").body["trade_state"] == "USERPAYING"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"payer": {"auth_code": "163456789012345678"}}, "/payer/auth_code"),
        ({"payer": {"auth_code": 134567890123456789}}, "/payer/auth_code"),
        ({"payer": {"openid": "oX"}}, "/payer"),
        ({"notify_url": "https://example.com/n"}, "/notify_url"),
        ({"time_expire": "2030-01-01T00:00:00+08:00"}, "/time_expire"),
        ({"scene_info": {}}, "/scene_info/store_info"),
        ({"scene_info": {"store_info": {"name": "茶"}}}, "/scene_info/store_info/name"),
        ({"amount": {"total": "100"}}, "/amount/total"),
        ({"detail": {}}, "/detail/goods_detail"),
        ({"description": None}, "/description"),
    ],
)
def test_a_field_that_is_wrong_is_refused_by_name_and_the_code_is_still_good(
    merchant: Merchant, change: dict[str, Any], told: str
) -> None:
    code = show_code(merchant)
    answer = merchant.call("POST", CODE_PAY, body(code) | change)
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")
    assert told in answer.body["message"]
    assert charge(merchant, code).status == 200


def test_another_merchant_app_or_currency_is_refused_with_its_own_code(merchant: Merchant) -> None:
    code = show_code(merchant)
    assert charge(merchant, code, mchid="1900000110").body["code"] == "PARAM_ERROR"
    assert charge(merchant, code, appid=UNBOUND).body["code"] == "APPID_MCHID_NOT_MATCH"
    assert charge(merchant, code, amount={"total": 1, "currency": "USD"}).body["code"] == "INVALID_REQUEST"
    assert reverse(merchant, mchid="1900000110").body["code"] == "PARAM_ERROR"
    assert reverse(merchant, appid=UNBOUND).body["code"] == "APPID_MCHID_NOT_MATCH"
    assert charge(merchant, code).status == 200


def test_no_notice_is_sent_about_a_payment_by_code(merchant: Merchant) -> None:
    charge(merchant, show_code(merchant))
    assert merchant.desk("GET", "/notices")["notices"] == []


def test_the_desk_refuses_what_is_no_code(merchant: Merchant) -> None:
    for wish in ({"code": "12"}, {"code": 5}, {"ask_pin": "yes"}, {"colour": "red"}):
        assert merchant.client.post("/_desk/buyers/buyer_1/payment_code", json=wish).status_code == 400
    assert merchant.client.post("/_desk/buyers/nobody/payment_code", json={}).status_code == 404

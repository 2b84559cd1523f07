"""Combined orders at the simulated WeChat: all paid or none, known to their own endpoints only, refused as strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .merchant import MCHID, MINI_PROGRAM, OFFICIAL_ACCOUNT, UNBOUND, Answer, Merchant
from .receiver import Receiver
from .test_order_rules import ABSENT, changed
from .test_shipping import call

PATH = "/v3/combine-transactions"
NUMBERS = ("part_0001", "part_0002")
REFUNDS = "/v3/refund/domestic/refunds"


def part(number: str, total: int = 100, **changes: Any) -> dict[str, Any]:
    """One order of a combined one."""
    amount = {"total_amount": total, "currency": "CNY"}
    made = {"mchid": MCHID, "attach": "a", "amount": amount, "out_trade_no": number, "description": "一杯咖啡"}
    return made | changes


def combined(merchant: Merchant, number: str = "c1", **changes: Any) -> dict[str, Any]:
    """A combined JSAPI order of 100 and 250 fen for the default buyer."""
    return {
        "combine_appid": OFFICIAL_ACCOUNT,
        "combine_mchid": MCHID,
        "combine_out_trade_no": number,
        "sub_orders": [part(NUMBERS[0]), part(NUMBERS[1], 250)],
        "combine_payer_info": {"openid": merchant.openids[OFFICIAL_ACCOUNT]},
        "notify_url": "http://127.0.0.1:9/notices",
        **changes,
    }


def place(merchant: Merchant, product: str = "jsapi", **changes: Any) -> Answer:
    """Place it."""
    return merchant.call("POST", f"{PATH}/{product}", combined(merchant, **changes))


def query(merchant: Merchant, number: str = "c1") -> Answer:
    """Ask for it."""
    return merchant.call("GET", f"{PATH}/out-trade-no/{number}")


def close(merchant: Merchant, *numbers: str, number: str = "c1", appid: str = OFFICIAL_ACCOUNT) -> Answer:
    """Close it, naming these orders."""
    listed = [{"mchid": MCHID, "out_trade_no": each} for each in numbers or NUMBERS]
    body = {"combine_appid": appid, "sub_orders": listed}
    return merchant.call("POST", f"{PATH}/out-trade-no/{number}/close", body)


def states(merchant: Merchant) -> list[str]:
    """What a query tells of each order."""
    return [each["trade_state"] for each in query(merchant).body["sub_orders"]]


def code(answer: Answer) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status, answer.body["code"]


def test_one_payment_pays_all_and_one_notice_tells_of_all(merchant: Merchant, receiver: Receiver) -> None:
    answer = place(merchant, notify_url=receiver.url)
    assert answer.status == 200
    assert states(merchant) == ["NOTPAY", "NOTPAY"]
    assert merchant.pay(merchant.params(answer.body["prepay_id"]))["err_msg"] == "get_brand_wcpay_request:ok"
    told = query(merchant).body
    assert [each["amount"]["total_amount"] for each in told["sub_orders"]] == [100, 250]
    assert states(merchant) == ["SUCCESS", "SUCCESS"]
    assert len({each["transaction_id"] for each in told["sub_orders"]}) == 2
    merchant.desk("POST", "/clock", {"advance_s": 0})  # waits until the notice is delivered
    (letter,) = receiver.received
    envelope = json.loads(letter.body)
    assert envelope["event_type"] == "TRANSACTION.SUCCESS"
    assert json.loads(merchant.open_sealed(envelope["resource"])) == told
    assert merchant.desk("GET", "/books")["merchant_balance"] == 350
    assert merchant.desk("GET", "/books")["balanced"]


def test_a_buyer_who_cannot_pay_all_pays_nothing(merchant: Merchant) -> None:
    poor = merchant.desk("POST", "/buyers", {"balance": 349})
    answer = place(merchant, combine_payer_info={"openid": poor["openids"][OFFICIAL_ACCOUNT]})
    told = {"channel": "official_account", "params": merchant.params(answer.body["prepay_id"]), "outcome": "pay"}
    settled = merchant.desk("POST", f"/buyers/{poor['id']}/pay", told)
    assert settled["err_desc"] == "余额不足"
    assert states(merchant) == ["NOTPAY", "NOTPAY"]
    assert merchant.desk("GET", f"/buyers/{poor['id']}")["balance"] == 349


@pytest.mark.parametrize("product", ["native", "h5", "app"])
def test_the_other_products_open_what_they_open_for_single_orders(merchant: Merchant, product: str) -> None:
    scene = {"device_id": "WEB", "payer_client_ip": "14.17.22.32", "h5_info": {"type": "iOS"}}
    body = combined(merchant, combine_appid="wx8c1f5b7e3a9d2046" if product == "app" else OFFICIAL_ACCOUNT)
    body.pop("combine_payer_info")
    if product == "h5":
        body["scene_info"] = scene
    answer = merchant.call("POST", f"{PATH}/{product}", body)
    assert answer.status == 200, answer.body
    member = {"native": "code_url", "h5": "h5_url", "app": "prepay_id"}[product]
    assert list(answer.body) == [member]
    if product != "app":
        path, name = {"native": ("scan", "code"), "h5": ("open_h5", "url")}[product]
        merchant.desk("POST", f"/buyers/buyer_1/{path}", {name: answer.body[member]})
        assert states(merchant) == ["SUCCESS", "SUCCESS"]


def test_the_endpoints_for_single_orders_do_not_know_its_parts(merchant: Merchant) -> None:
    prepay = place(merchant).body["prepay_id"]
    assert code(merchant.query(NUMBERS[0])) == (404, "ORDER_NOT_EXIST")
    assert code(merchant.close(NUMBERS[0])) == (404, "ORDER_NOT_EXIST")
    merchant.pay(merchant.params(prepay))
    transaction = query(merchant).body["sub_orders"][0]["transaction_id"]
    by_id = merchant.call("GET", f"/v3/pay/transactions/id/{transaction}?mchid={MCHID}")
    assert code(by_id) == (404, "ORDER_NOT_EXIST")
    assert code(query(merchant, NUMBERS[0])) == (404, "ORDER_NOT_EXIST")


def test_each_part_is_refunded_by_itself(merchant: Merchant) -> None:
    merchant.pay(merchant.params(place(merchant).body["prepay_id"]))
    transaction = query(merchant).body["sub_orders"][1]["transaction_id"]
    refund = {
        "transaction_id": transaction,
        "out_refund_no": "r1",
        "amount": {"refund": 50, "total": 250, "currency": "CNY"},
    }
    assert merchant.call("POST", REFUNDS, refund).status == 200
    assert states(merchant) == ["SUCCESS", "REFUND"]
    whole = refund | {"out_refund_no": "r2", "amount": {"refund": 350, "total": 350, "currency": "CNY"}}
    assert merchant.call("POST", REFUNDS, whole).status == 400


def test_closed_it_is_closed_as_a_whole_and_only_with_the_same_list(merchant: Merchant) -> None:
    prepay = place(merchant).body["prepay_id"]
    assert code(close(merchant, NUMBERS[0])) == (400, "INVALID_REQUEST")
    assert code(close(merchant, *NUMBERS, "part_0003")) == (400, "INVALID_REQUEST")
    assert code(close(merchant, appid=MINI_PROGRAM)) == (400, "INVALID_REQUEST")
    assert code(close(merchant, number="c2")) == (404, "ORDER_NOT_EXIST")
    assert states(merchant) == ["NOTPAY", "NOTPAY"]
    assert close(merchant, *reversed(NUMBERS)).status == 204
    assert close(merchant).status == 204
    assert states(merchant) == ["CLOSED", "CLOSED"]
    assert merchant.pay(merchant.params(prepay))["err_desc"] == "该订单已失效"
    assert code(place(merchant)) == (400, "ORDER_CLOSED")


def test_paid_it_can_be_neither_closed_nor_ordered_again(merchant: Merchant) -> None:
    merchant.pay(merchant.params(place(merchant).body["prepay_id"]))
    assert code(close(merchant)) == (400, "ORDER_PAID")
    assert code(place(merchant)) == (400, "ORDER_PAID")
    assert code(place(merchant, sub_orders=[part(NUMBERS[0]), part("part_0003")])) == (403, "OUT_TRADE_NO_USED")


def test_a_repeat_must_be_the_same(merchant: Merchant) -> None:
    first = place(merchant).body["prepay_id"]
    again = place(merchant).body["prepay_id"]
    assert first != again
    other = place(merchant, sub_orders=[part(NUMBERS[0]), part(NUMBERS[1], 251)])
    assert (other.status, other.body["code"], other.cause) == (400, "INVALID_REQUEST", 268498688)
    merchant.pay(merchant.params(again))
    assert merchant.pay(merchant.params(first))["err_desc"] == "该订单已支付"


def test_a_number_that_another_order_has_is_refused_and_nothing_is_placed(merchant: Merchant) -> None:
    merchant.place(NUMBERS[1])
    assert code(place(merchant)) == (403, "OUT_TRADE_NO_USED")
    assert code(query(merchant)) == (404, "ORDER_NOT_EXIST")
    assert code(merchant.query(NUMBERS[0])) == (404, "ORDER_NOT_EXIST")


def test_it_expires_as_a_whole(merchant: Merchant) -> None:
    place(merchant, time_expire="2026-01-01T00:00:00+08:00")  # taken as a minute from now
    merchant.desk("POST", "/clock", {"advance_s": 61})
    assert states(merchant) == ["CLOSED", "CLOSED"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("combine_appid", ABSENT),
        ("combine_mchid", ABSENT),
        ("combine_out_trade_no", ABSENT),
        ("combine_out_trade_no", "c"),
        ("combine_out_trade_no", "n" * 33),
        ("combine_out_trade_no", "with space"),
        ("combine_payer_info", ABSENT),
        ("combine_payer_info.openid", ABSENT),
        ("combine_payer_info.openid", "o" * 28),
        ("notify_url", ABSENT),
        ("notify_url", "http://127.0.0.1/x?a=1"),
        ("sub_orders", ABSENT),
        ("sub_orders", []),
        ("sub_orders", [part("part_0001")]),
        ("sub_orders", [part(f"part_{place:04d}") for place in range(51)]),
        ("sub_orders", [part("part_0001"), part("part_0001")]),
        ("sub_orders", [part("part_0001"), {"mchid": MCHID}]),
        ("sub_orders", [part("part_0001"), part("short")]),
        ("sub_orders", [part("part_0001"), part("part_0002", 0)]),
        ("sub_orders", [part("part_0001"), part("part_0002", attach="")]),
        ("sub_orders", [part("part_0001"), part("part_0002", description="x" * 128)]),
        ("sub_orders", [part("part_0001"), part("part_0002", amount={"total_amount": 1})]),
        ("sub_orders", [part("part_0001"), part("part_0002", mchid="1900009999")]),
        ("combine_mchid", "1900009999"),
        ("time_expire", "tomorrow"),
        ("time_start", "today"),
        ("limit_pay", ["gold"]),
        ("scene_info", {"device_id": "x"}),
    ],
)
def test_a_member_out_of_bounds_is_a_parameter_error(merchant: Merchant, path: str, value: object) -> None:
    answer = merchant.call("POST", f"{PATH}/jsapi", changed(combined(merchant), path, value))
    assert code(answer) == (400, "PARAM_ERROR")
    assert query(merchant).status == 404


@pytest.mark.parametrize("path", ["appid", "amount", "combine_payer_info.sub_openid", "scene_info.h5_info"])
def test_a_member_nobody_knows_is_an_extra_parameter(merchant: Merchant, path: str) -> None:
    body = combined(merchant, scene_info={"payer_client_ip": "14.17.22.32"})
    answer = merchant.call("POST", f"{PATH}/jsapi", changed(body, path, "x"))
    assert (*code(answer), answer.cause) == (400, "PARAM_ERROR", 270924358)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"combine_appid": UNBOUND}, "APPID_MCHID_NOT_MATCH"),
        ({"combine_appid": MINI_PROGRAM}, "INVALID_REQUEST"),
        ({"sub_orders": [part("part_0001"), part("part_0002", amount={"total_amount": 1, "currency": "USD"})]},
         "INVALID_REQUEST"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_has_its_own_code(merchant: Merchant, changes: dict[str, Any], told: str) -> None:
    assert code(place(merchant, **changes)) == (400, told)
    assert query(merchant).status == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"combine_appid": OFFICIAL_ACCOUNT}, {"combine_appid": OFFICIAL_ACCOUNT, "sub_orders": [{"mchid": MCHID}]}],
)
def test_a_close_names_the_app_and_every_order(merchant: Merchant, body: dict[str, Any]) -> None:
    place(merchant)
    answer = merchant.call("POST", f"{PATH}/out-trade-no/c1/close", body)
    assert code(answer) == (400, "PARAM_ERROR")
    assert states(merchant) == ["NOTPAY", "NOTPAY"]


def test_what_was_paid_together_is_shipped_under_the_combined_order(merchant: Merchant) -> None:
    merchant.desk("POST", "/shipping/rules", {"not_known_s": 0})
    payer = {"openid": merchant.openids[MINI_PROGRAM]}
    prepay = place(merchant, combine_appid=MINI_PROGRAM, combine_payer_info=payer).body["prepay_id"]
    params = merchant.params(prepay, MINI_PROGRAM)
    merchant.pay(params, channel="mini_program", appid=MINI_PROGRAM)
    delivery = {"logistics_type": 3, "delivery_mode": 1, "shipping_list": [{"item_desc": "会员"}]}
    same = {"upload_time": "2026-11-22T13:29:35.120+08:00", "payer": payer}
    whole, first, second = (
        {"order_number_type": 1, "mchid": MCHID, "out_trade_no": number} for number in ("c1", *NUMBERS)
    )
    by_id = {"order_number_type": 2, "transaction_id": query(merchant).body["sub_orders"][0]["transaction_id"]}
    told = {"order_key": whole, "sub_orders": [{"order_key": first, **delivery}], **same}
    alone = {"order_key": first, **delivery, **same}
    assert ship(merchant, "upload_shipping_info", alone) == 10060001
    wrong = [
        (told | {"order_key": whole | {"out_trade_no": "c2"}}, 10060001),
        (told | {"sub_orders": [{"order_key": by_id, **delivery}]}, 268485194),
        (told | {"sub_orders": []}, 47001),
        (told | {"sub_orders": ["x"]}, 47001),
        (told | {"payer": {"openid": "o1"}}, 10060031),
    ]
    for body, errcode in wrong:
        assert ship(merchant, "upload_combined_shipping_info", body) == errcode, body
    assert ship(merchant, "upload_combined_shipping_info", told) == 0
    assert ship(merchant, "upload_combined_shipping_info", told) == 10060023
    more = told | {"sub_orders": [{"order_key": second, **delivery}]}
    assert ship(merchant, "upload_combined_shipping_info", more) == 0


def ship(merchant: Merchant, name: str, body: dict[str, Any]) -> int:
    """Tell of what was shipped; the errcode."""
    return int(call(merchant, name, body)["errcode"])


@pytest.mark.parametrize("total", [2, 50])
def test_two_to_fifty_orders_are_taken(merchant: Merchant, total: int) -> None:
    assert place(merchant, sub_orders=[part(f"part_{place:04d}", 1) for place in range(total)]).status == 200

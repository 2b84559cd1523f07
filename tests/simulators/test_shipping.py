"""The simulated order shipping is as strict as WeChat: every mistake has its errcode and changes nothing."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from .merchant import MCHID, MINI_PROGRAM, OFFICIAL_ACCOUNT, Merchant

NUMBER: Final = "order_0001"
ORDER: Final = "/wxa/sec/order/"


@pytest.fixture
def shop(merchant: Merchant) -> Merchant:
    """A merchant whose mini program was paid a moment ago, in a world that knows payments at once."""
    merchant.desk("POST", "/shipping/rules", {"not_known_s": 0})
    pay(merchant, NUMBER)
    return merchant


def pay(merchant: Merchant, number: str) -> None:
    """An order of the mini program that its buyer pays."""
    openid = merchant.openids[MINI_PROGRAM]
    merchant.place(number, appid=MINI_PROGRAM, payer={"openid": openid})
    merchant.desk("POST", "/buyers/buyer_1/pay_order", {"out_trade_no": number, "channel": "mini_program"})


def token(merchant: Merchant, appid: str = MINI_PROGRAM) -> str:
    """An access token of an app."""
    asked = {"grant_type": "client_credential", "appid": appid, "secret": merchant.secrets[appid]}
    return str(json.loads(merchant.client.post("/cgi-bin/stable_token", json=asked).get_data())["access_token"])


def call(merchant: Merchant, name: str, body: object, *, appid: str = MINI_PROGRAM) -> Any:
    """One call: always HTTP 200."""
    reply = merchant.client.post(f"{ORDER}{name}?access_token={token(merchant, appid)}", json=body)
    assert reply.status_code == 200
    return json.loads(reply.get_data())


def upload(merchant: Merchant, **changes: Any) -> int:
    """Upload a virtual delivery with these changes; the errcode. A member set to None is left out."""
    body: dict[str, Any] = {
        "order_key": {"order_number_type": 1, "mchid": MCHID, "out_trade_no": NUMBER},
        "logistics_type": 3,
        "delivery_mode": 1,
        "shipping_list": [{"item_desc": "会员"}],
        "upload_time": "2026-12-15T13:29:35.120+08:00",
        "payer": {"openid": merchant.openids[MINI_PROGRAM]},
        **changes,
    }
    kept = {name: value for name, value in body.items() if value is not None}
    return int(call(merchant, "upload_shipping_info", kept)["errcode"])


def seen(merchant: Merchant) -> Any:
    """The order as the desk has it."""
    return merchant.desk("GET", f"/shipping/{NUMBER}")


PARCEL: Final = {"item_desc": "茶", "tracking_no": "Z1", "express_company": "ZTO"}
EXPRESS: Final[dict[str, Any]] = {"logistics_type": 1, "shipping_list": [PARCEL]}
SPLIT: Final[dict[str, Any]] = EXPRESS | {"delivery_mode": 2}
LATER: Final = "2026-12-15T13:29:36.120+08:00"
MISTAKES: Final[list[tuple[dict[str, Any], int]]] = [
    ({"order_key": {"order_number_type": 3, "mchid": MCHID, "out_trade_no": NUMBER}}, 268485194),
    ({"order_key": {"order_number_type": "1", "mchid": MCHID, "out_trade_no": NUMBER}}, 47001),
    ({"order_key": {"order_number_type": 1, "mchid": MCHID, "out_trade_no": "other"}}, 10060001),
    ({"order_key": {"order_number_type": 1, "mchid": "1900000000", "out_trade_no": NUMBER}}, 10060001),
    ({"order_key": {"order_number_type": 2, "transaction_id": "4200"}}, 10060001),
    ({"order_key": None}, 47001),
    ({"logistics_type": 5}, 10060005),
    ({"logistics_type": "3"}, 47001),
    ({"delivery_mode": 3}, 268485224),
    ({"delivery_mode": 2, "is_all_delivered": True}, 10060006),
    (SPLIT, 10060007),
    (SPLIT | {"is_all_delivered": "yes"}, 47001),
    ({"shipping_list": {"item_desc": "x"}}, 47001),
    ({"shipping_list": []}, 10060014),
    ({"shipping_list": [{"item_desc": "a"}, {"item_desc": "b"}]}, 10060014),
    ({"shipping_list": [{"item_desc": ""}]}, 10060008),
    ({"shipping_list": [{"item_desc": "茶" * 121}]}, 10060009),
    ({"shipping_list": [PARCEL]}, 10060014),
    ({"logistics_type": 1}, 10060014),
    (EXPRESS | {"shipping_list": [PARCEL | {"express_company": "SF"}]}, 10060014),
    (EXPRESS | {"shipping_list": [PARCEL | {"contact": {"receiver_contact": "189****"}}]}, 10060014),
    (EXPRESS | {"shipping_list": [PARCEL | {"express_company": "Z" * 129}]}, 10060025),
    (EXPRESS | {"shipping_list": [PARCEL | {"tracking_no": "Z" * 129}]}, 10060026),
    (SPLIT | {"is_all_delivered": True, "shipping_list": [PARCEL] * 16}, 10060024),
    ({"upload_time": "2026-12-15 13:29:35"}, 268485216),
    ({"upload_time": 1}, 47001),
    ({"payer": {"openid": "o-somebody-else"}}, 10060031),
    ({"surprise": 1}, 47001),
]


def test_every_mistake_has_its_errcode_and_changes_nothing(shop: Merchant) -> None:
    for changes, errcode in MISTAKES:
        assert upload(shop, **changes) == errcode, changes
    assert (seen(shop)["uploads"], seen(shop)["order_state"], seen(shop)["frozen"]) == (0, 1, 100)
    assert upload(shop) == 0


def test_a_repeat_is_known_and_one_correction_is_taken_and_no_more(shop: Merchant) -> None:
    assert [upload(shop), upload(shop), upload(shop, upload_time=LATER)] == [0, 10060023, 10060023]
    assert upload(shop, logistics_type=4) == 10060014, "its time does not grow"
    assert upload(shop, logistics_type=4, upload_time=LATER) == 0
    assert upload(shop, logistics_type=2, upload_time="2026-12-16T00:00:00+08:00") == 10060003
    assert seen(shop)["shipping"]["finish_shipping_count"] == 2


def test_parcels_add_up_until_all_of_them_are_told(shop: Merchant) -> None:
    assert upload(shop, **SPLIT, is_all_delivered=False) == 0
    assert seen(shop)["order_state"] == 1
    more = SPLIT | {"shipping_list": [PARCEL | {"tracking_no": "Z2"}]}
    assert upload(shop, **more, is_all_delivered=True, upload_time=LATER) == 0
    told = seen(shop)
    assert [parcel["tracking_no"] for parcel in told["shipping"]["shipping_list"]] == ["Z1", "Z2"]
    assert (told["order_state"], told["shipping"]["finish_shipping_count"]) == (2, 1)


def test_a_payment_is_not_known_in_its_first_seconds(merchant: Merchant) -> None:
    pay(merchant, NUMBER)
    assert upload(merchant) == 10060001
    merchant.desk("POST", "/clock", {"advance_s": 5})
    assert upload(merchant) == 0


def test_money_gets_free_by_the_buyers_hand_or_by_time_and_only_then(shop: Merchant) -> None:
    pay(shop, "order_0002")
    assert shop.desk("GET", "/shipping")["frozen"] == 200
    assert shop.client.post(f"/_desk/shipping/{NUMBER}/settle").status_code == 400
    upload(shop)
    upload(shop, order_key={"order_number_type": 1, "mchid": MCHID, "out_trade_no": "order_0002"})
    assert shop.desk("POST", f"/shipping/{NUMBER}/receive")["order_state"] == 3
    assert upload(shop, logistics_type=4, upload_time=LATER) == 10060004
    assert shop.desk("POST", f"/shipping/{NUMBER}/settle")["order_state"] == 4
    assert shop.desk("GET", "/shipping")["frozen"] == 100
    shop.desk("POST", "/clock", {"advance_s": 10 * 86_400})
    assert shop.desk("GET", "/shipping")["frozen"] == 0


def test_an_app_that_is_not_watched_or_no_mini_program_may_not_tell(shop: Merchant) -> None:
    assert call(shop, "is_trade_managed", {"appid": MINI_PROGRAM})["is_trade_managed"] is True
    assert call(shop, "is_trade_managed", {"appid": OFFICIAL_ACCOUNT}, appid=OFFICIAL_ACCOUNT)["errcode"] == 48001
    shop.desk("POST", f"/apps/{MINI_PROGRAM}/shipping", {"watched": False})
    assert call(shop, "is_trade_managed", {"appid": MINI_PROGRAM})["is_trade_managed"] is False
    assert upload(shop) == 48001


def test_orders_are_listed_by_state_and_page(shop: Merchant) -> None:
    for number in ("order_0002", "order_0003"):
        pay(shop, number)
    upload(shop)
    first = call(shop, "get_order_list", {"order_state": 1, "page_size": 1})
    assert ([order["merchant_trade_no"] for order in first["order_list"]], first["has_more"]) == (["order_0003"], True)
    rest = call(shop, "get_order_list", {"order_state": 1, "page_size": 9, "last_index": first["last_index"]})
    assert ([order["merchant_trade_no"] for order in rest["order_list"]], rest["has_more"]) == (["order_0002"], False)
    assert call(shop, "get_order_list", {"page_size": 101})["errcode"] == 10060014
    known = call(shop, "get_order", {"merchant_id": MCHID, "merchant_trade_no": NUMBER})["order"]
    assert (known["order_state"], known["paid_amount"]) == (2, 100)
    assert call(shop, "get_order", {"merchant_id": MCHID, "merchant_trade_no": "other"})["errcode"] == 10060001


def test_the_buyer_is_reminded_once_and_only_of_what_is_shipped(shop: Merchant) -> None:
    wish = {"merchant_id": MCHID, "merchant_trade_no": NUMBER, "received_time": 1_795_000_000}
    assert call(shop, "notify_confirm_receive", wish)["errcode"] == 10060004
    upload(shop)
    answers = [call(shop, "notify_confirm_receive", wish)["errcode"] for _ in range(2)]
    assert answers == [0, 10060004]


def test_a_combined_order_has_its_shape_checked_and_is_not_known(shop: Merchant) -> None:
    key = {"order_number_type": 1, "mchid": MCHID, "out_trade_no": NUMBER}
    sub = {"order_key": key, "logistics_type": 3, "delivery_mode": 1, "shipping_list": [{"item_desc": "会员"}]}
    body = {"order_key": key, "sub_orders": [sub], "upload_time": LATER, "payer": {"openid": "o1"}}
    assert call(shop, "upload_combined_shipping_info", body)["errcode"] == 10060001
    assert call(shop, "upload_combined_shipping_info", body | {"sub_orders": sub})["errcode"] == 47001


def test_without_a_token_nothing_is_told(shop: Merchant) -> None:
    for query, errcode in (("", 41001), ("?access_token=unknown", 40001)):
        reply = shop.client.post(f"{ORDER}get_order{query}", json={})
        assert json.loads(reply.get_data())["errcode"] == errcode

"""A service provider at the simulated WeChat Pay: what it may do for its sub-merchants, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.service_provider import (
    FOLDER,
    OTHER_SUB_MCHID,
    SP_APPID,
    SP_MCHID,
    SUB_MCHID,
    SUB_MINI_PROGRAM_APPID,
    SUB_MOBILE_APP_APPID,
)

from .merchant import JSAPI, MCHID, MINI_PROGRAM, OFFICIAL_ACCOUNT, Answer, Merchant
from .receiver import Receiver

ORDERS: Final = "/v3/pay/partner/transactions"
REFUNDS: Final = "/v3/refund/domestic/refunds"


@pytest.fixture
def provider(merchant: Merchant, credentials: Credentials) -> Merchant:
    """The same hands, signing as the service provider."""
    folder = credentials.directory / FOLDER
    merchant.mchid = SP_MCHID
    key: Any = load_pem_private_key((folder / "apiclient_key.pem").read_bytes(), None)
    merchant.key = key
    certificate = x509.load_pem_x509_certificate((folder / "apiclient_cert.pem").read_bytes())
    merchant.serial = format(certificate.serial_number, "040X")
    merchant.apiv3_key = (folder / "apiv3_key.txt").read_bytes().strip()
    return merchant


def order(provider: Merchant, number: str = "order_0001", **changes: Any) -> dict[str, Any]:
    """An order of 100 fen in the service provider's own official account; None takes a member out."""
    body = {
        "sp_appid": SP_APPID, "sp_mchid": SP_MCHID, "sub_mchid": SUB_MCHID, "description": "一杯咖啡",
        "out_trade_no": number, "notify_url": "http://127.0.0.1:9/notices",
        "amount": {"total": 100, "currency": "CNY"}, "payer": {"sp_openid": provider.openids[SP_APPID]}, **changes,
    }  # fmt: skip
    return {name: value for name, value in body.items() if value is not None}


def in_mini_program(provider: Merchant, number: str = "order_0001", **changes: Any) -> dict[str, Any]:
    """The same in the sub-merchant's mini program."""
    own = {"sub_appid": SUB_MINI_PROGRAM_APPID, "payer": {"sub_openid": provider.openids[SUB_MINI_PROGRAM_APPID]}}
    return order(provider, number, **(own | changes))


def place(provider: Merchant, body: dict[str, Any], product: str = "jsapi") -> Answer:
    """Send it."""
    return provider.call("POST", f"{ORDERS}/{product}", body)


def query(provider: Merchant, number: str = "order_0001", sub: str = SUB_MCHID, sp: str = SP_MCHID) -> Answer:
    """Ask for it."""
    return provider.call("GET", f"{ORDERS}/out-trade-no/{number}?sp_mchid={sp}&sub_mchid={sub}")


def paid(provider: Merchant, number: str = "order_0001", **changes: Any) -> dict[str, Any]:
    """A paid order as a query shows it."""
    assert place(provider, order(provider, number, **changes)).status == 200
    assert provider.desk("POST", "/buyers/buyer_1/pay_order", {"out_trade_no": number})["err_msg"].endswith(":ok")
    found: dict[str, Any] = query(provider, number).body
    return found


def refund(provider: Merchant, number: str = "order_0001", **changes: Any) -> Answer:
    """Ask for a refund of it."""
    body = {
        "out_trade_no": number, "out_refund_no": f"r_{number}", "sub_mchid": SUB_MCHID,
        "amount": {"refund": 100, "total": 100, "currency": "CNY"}, **changes,
    }  # fmt: skip
    return provider.call("POST", REFUNDS, {name: value for name, value in body.items() if value is not None})


def test_an_order_is_told_under_the_apps_that_it_names(provider: Merchant) -> None:
    sp_openid, sub_openid = provider.openids[SP_APPID], provider.openids[SUB_MINI_PROGRAM_APPID]
    found = paid(provider)
    assert (found["sp_appid"], found["sp_mchid"], found["sub_mchid"]) == (SP_APPID, SP_MCHID, SUB_MCHID)
    assert (found["payer"], "sub_appid" in found) == ({"sp_openid": sp_openid}, False)
    assert place(provider, in_mini_program(provider, "order_0002")).status == 200
    assert query(provider, "order_0002").body["sub_appid"] == SUB_MINI_PROGRAM_APPID
    provider.desk("POST", "/buyers/buyer_1/pay_order", {"out_trade_no": "order_0002", "channel": "mini_program"})
    assert query(provider, "order_0002").body["payer"] == {"sp_openid": sp_openid, "sub_openid": sub_openid}
    by_id = f"{ORDERS}/id/{found['transaction_id']}?sp_mchid={SP_MCHID}&sub_mchid={SUB_MCHID}"
    assert provider.call("GET", by_id).body == found


def test_a_notice_is_sealed_for_the_service_provider_and_says_what_a_query_says(
    provider: Merchant, receiver: Receiver
) -> None:
    found = paid(provider, notify_url=receiver.url)
    assert provider.desk("GET", "/notices?out_trade_no=order_0001&wait_s=10")["settled"]
    letter = receiver.received[0]
    provider.trust_certificates()
    provider.verify(dict(letter.headers), letter.body)
    assert json.loads(provider.open_sealed(json.loads(letter.body)["resource"])) == found


MADE_WRONG: Final[dict[str, tuple[Callable[[Merchant], dict[str, Any]], int, str]]] = {
    "another service provider": (lambda p: order(p, sp_mchid="1900007777"), 400, "PARAM_ERROR"),
    "itself as its sub-merchant": (lambda p: order(p, sub_mchid=SP_MCHID), 400, "INVALID_REQUEST"),
    "a merchant of nobody's": (lambda p: order(p, sub_mchid=MCHID), 403, "NO_AUTH"),
    "no sub-merchant": (lambda p: order(p, sub_mchid=None), 400, "PARAM_ERROR"),
    "no app of the provider": (lambda p: order(p, sp_appid=None), 400, "PARAM_ERROR"),
    "an app that is not the provider's": (lambda p: order(p, sp_appid=OFFICIAL_ACCOUNT), 400, "APPID_MCHID_NOT_MATCH"),
    "an app that is not the sub-merchant's": (
        lambda p: in_mini_program(p, sub_appid=MINI_PROGRAM, payer={"sub_openid": p.openids[MINI_PROGRAM]}),
        400,
        "APPID_MCHID_NOT_MATCH",
    ),
    "an app of another sub-merchant": (
        lambda p: in_mini_program(p, sub_mchid=OTHER_SUB_MCHID),
        400,
        "APPID_MCHID_NOT_MATCH",
    ),
    "an openid of the other app": (
        lambda p: order(p, payer={"sp_openid": p.openids[SUB_MINI_PROGRAM_APPID]}),
        400,
        "INVALID_REQUEST",
    ),
    "an openid of the provider's app as the sub-merchant's": (
        lambda p: in_mini_program(p, payer={"sub_openid": p.openids[SP_APPID]}),
        400,
        "INVALID_REQUEST",
    ),
    "both openids": (
        lambda p: in_mini_program(
            p, payer={"sp_openid": p.openids[SP_APPID], "sub_openid": p.openids[SUB_MINI_PROGRAM_APPID]}
        ),
        400,
        "PARAM_ERROR",
    ),
    "an openid of no app": (lambda p: in_mini_program(p, sub_appid=None), 400, "PARAM_ERROR"),
    "no openid": (lambda p: order(p, payer={}), 400, "PARAM_ERROR"),
    "a merchant's openid": (lambda p: order(p, payer={"openid": p.openids[SP_APPID]}), 400, "PARAM_ERROR"),
    "a merchant's names": (lambda p: order(p, mchid=MCHID), 400, "PARAM_ERROR"),
}


@pytest.mark.parametrize("name", MADE_WRONG)
def test_an_order_that_wechat_refuses_is_refused_and_leaves_nothing(provider: Merchant, name: str) -> None:
    make, status, code = MADE_WRONG[name]
    answer = place(provider, make(provider))
    assert (answer.status, answer.body["code"]) == (status, code)
    assert provider.desk("GET", "/orders")["orders"] == []
    assert place(provider, in_mini_program(provider)).status == 200


def test_the_sub_merchants_mobile_app_orders_for_itself_alone(provider: Merchant) -> None:
    own = order(provider, sub_appid=SUB_MOBILE_APP_APPID, payer=None)
    assert place(provider, own, "app").status == 200
    assert place(provider, order(provider, "order_0002", payer=None), "app").body["code"] == "APPID_MCHID_NOT_MATCH"


def test_a_number_is_one_order_whichever_sub_merchant_it_is_for(provider: Merchant) -> None:
    assert place(provider, order(provider)).status == 200
    again = place(provider, order(provider, sub_mchid=OTHER_SUB_MCHID))
    assert (again.status, again.body["code"], again.cause) == (400, "INVALID_REQUEST", 268498688)
    assert place(provider, order(provider)).status == 200


def test_another_sub_merchants_order_can_neither_be_seen_nor_closed_nor_refunded(provider: Merchant) -> None:
    assert place(provider, order(provider)).status == 200
    other = query(provider, sub=OTHER_SUB_MCHID)
    assert (other.status, other.cause) == (400, 268447845)
    url = f"{ORDERS}/out-trade-no/order_0001/close"
    assert provider.call("POST", url, {"sp_mchid": SP_MCHID, "sub_mchid": OTHER_SUB_MCHID}).cause == 268447845
    assert query(provider).body["trade_state"] == "NOTPAY"
    assert provider.call("POST", url, {"sp_mchid": SP_MCHID, "sub_mchid": SUB_MCHID}).status == 204
    paid(provider, "order_0002")
    refused = refund(provider, "order_0002", sub_mchid=OTHER_SUB_MCHID)
    assert (refused.status, refused.cause) == (400, 268447845)
    assert refund(provider, "order_0002", sub_mchid=None).status == 400
    assert query(provider, "order_0002").body["trade_state"] == "SUCCESS"
    assert refund(provider, "order_0002").status == 200
    asked = f"{REFUNDS}/r_order_0002"
    assert provider.call("GET", f"{asked}?sub_mchid={OTHER_SUB_MCHID}").status == 400
    assert provider.call("GET", asked).status == 400
    assert provider.call("GET", f"{asked}?sub_mchid={SUB_MCHID}").status == 200


def test_merchants_and_service_providers_do_not_see_each_others_orders(
    merchant: Merchant, credentials: Credentials, request: pytest.FixtureRequest
) -> None:
    merchant.place("order_0009")
    asked = f"/v3/pay/transactions/out-trade-no/order_0001?mchid={MCHID}"
    own = (merchant.mchid, merchant.key, merchant.serial, merchant.apiv3_key)
    provider: Merchant = request.getfixturevalue("provider")
    assert query(provider, "order_0009").body["code"] == "ORDER_NOT_EXIST"
    paid(provider)
    merchant.mchid, merchant.key, merchant.serial, merchant.apiv3_key = own
    assert merchant.call("GET", asked).body["code"] == "ORDER_NOT_EXIST"
    body = {
        "out_trade_no": "order_0001",
        "out_refund_no": "r1",
        "amount": {"refund": 1, "total": 100, "currency": "CNY"},
    }
    assert merchant.call("POST", REFUNDS, body).body["code"] == "RESOURCE_NOT_EXISTS"
    assert merchant.call("POST", REFUNDS, body | {"sub_mchid": SUB_MCHID}).body["code"] == "PARAM_ERROR"
    assert place(merchant, order(merchant, "order_0003")).body["code"] == "PARAM_ERROR"
    assert credentials.service_provider.signer.mchid == SP_MCHID


@pytest.mark.parametrize(
    ("method", "url"), [("POST", JSAPI), ("GET", "/v3/bill/fundflowbill?bill_date=2026-01-02"), ("GET", "/v3/none")]
)
def test_what_is_a_merchants_own_is_closed_to_a_service_provider(provider: Merchant, method: str, url: str) -> None:
    answer = provider.call(method, url, order(provider) if method == "POST" else None)
    assert (answer.status, answer.body["code"], answer.cause) == (403, "NO_AUTH", 268443704)


def test_the_merchants_key_does_not_sign_for_the_service_provider(merchant: Merchant) -> None:
    merchant.mchid = SP_MCHID
    assert place(merchant, order(merchant)).status == 401


def test_the_cashier_wants_the_service_providers_signature(provider: Merchant, credentials: Credentials) -> None:
    prepay = str(place(provider, order(provider)).body["prepay_id"])
    params = provider.params(prepay, SP_APPID)
    key: Any = load_pem_private_key((credentials.directory / "merchant" / "apiclient_key.pem").read_bytes(), None)
    own, provider.key = provider.key, key
    wrong = provider.params(prepay, SP_APPID)
    provider.key = own
    assert provider.pay(wrong, appid=SP_APPID)["err_msg"].endswith(":fail")
    assert provider.pay(provider.params(prepay, SUB_MINI_PROGRAM_APPID))["err_msg"].endswith(":fail")
    assert provider.pay(params, appid=SP_APPID)["err_msg"].endswith(":ok")


def test_a_bill_is_of_one_sub_merchant_or_of_all(provider: Merchant) -> None:
    paid(provider)
    assert place(provider, order(provider, "order_0002", sub_mchid=OTHER_SUB_MCHID)).status == 200
    provider.desk("POST", "/buyers/buyer_1/pay_order", {"out_trade_no": "order_0002"})
    now = provider.desk("GET", "/clock")["now"]
    provider.desk("POST", "/clock", {"advance_s": 86_400 * 2, "wait_s": 0})
    asked = f"/v3/bill/tradebill?bill_date={now[:10]}"
    rows = {}
    for name, more in {"one": f"&sub_mchid={SUB_MCHID}", "all": ""}.items():
        place_of = provider.call("GET", asked + more).body["download_url"]
        file = provider.send("GET", place_of[place_of.index("/v3/") :]).get_data().decode("utf-8-sig")
        rows[name] = [line for line in file.splitlines() if f"`{SP_MCHID}" in line]
    assert [SUB_MCHID in line for line in rows["one"]] == [True]
    assert len(rows["all"]) == 2
    stranger = provider.call("GET", f"{asked}&sub_mchid={MCHID}")
    assert (stranger.status, stranger.body["code"]) == (403, "NO_AUTH")

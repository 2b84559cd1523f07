"""The number that sells across the border at the simulated WeChat Pay: no other number sees its orders or its keys."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wxbackend.simulators.credentials import ABROAD_FOLDER, MCHID_ABROAD, Credentials, ensure
from wxbackend.simulators.service_provider import FOLDER, SP_MCHID
from wxbackend.simulators.world import World

from .merchant import MCHID, OFFICIAL_ACCOUNT, Files, Merchant
from .old_merchant import Old
from .routes import client_of

ORDERS: Final = "/v3/global/transactions"
REFUNDS: Final = "/v3/global/refunds"
NUMBER: Final = "order_0001"
Hands = Callable[[str, str], Merchant]


@pytest.fixture
def hands(world: World, files: Files) -> Hands:
    """A merchant that signs with the keys of a folder, under a number."""

    def made(folder: str, mchid: str) -> Merchant:
        merchant = Merchant(files, client_of(world))
        keys = world.credentials.directory / folder
        key: Any = load_pem_private_key((keys / "apiclient_key.pem").read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((keys / "apiclient_cert.pem").read_bytes())
        merchant.mchid, merchant.key = mchid, key
        merchant.serial = format(certificate.serial_number, "040X")
        merchant.apiv3_key = (keys / "apiv3_key.txt").read_bytes().strip()
        return merchant

    return made


@pytest.fixture
def abroad(hands: Hands) -> Merchant:
    """The number abroad."""
    return hands(ABROAD_FOLDER, MCHID_ABROAD)


def order(merchant: Merchant) -> dict[str, Any]:
    """An order of 20.00 GBP."""
    return {
        "mchid": MCHID_ABROAD, "appid": OFFICIAL_ACCOUNT, "description": "Tea", "out_trade_no": NUMBER,
        "notify_url": "http://127.0.0.1:9/notices", "trade_type": "JSAPI", "merchant_category_code": "5812",
        "amount": {"total": 2000, "currency": "GBP"}, "payer": {"openid": merchant.openids[OFFICIAL_ACCOUNT]},
    }  # fmt: skip


def paid(merchant: Merchant) -> None:
    """Its order, paid."""
    assert merchant.call("POST", f"{ORDERS}/jsapi", order(merchant)).status == 200
    merchant.desk("POST", "/buyers/buyer_1/pay_order", {"out_trade_no": NUMBER, "channel": "official_account"})


def by_number(path: str, mchid: str) -> str:
    """Where the order is asked for."""
    return f"{path}/out-trade-no/{NUMBER}?mchid={mchid}"


def test_every_number_signs_for_its_own_api_alone(abroad: Merchant, hands: Hands) -> None:
    assert abroad.call("GET", "/v3/global/certificates").status == 200
    at_home, provider = hands("merchant", MCHID), hands(FOLDER, SP_MCHID)
    for stranger in (at_home, provider, hands("merchant", MCHID_ABROAD)):
        answer = stranger.call("GET", "/v3/global/certificates")
        assert (answer.status, answer.body["code"]) == (401, "SIGN_ERROR")
    for path in ("/v3/certificates", by_number("/v3/pay/transactions", MCHID), "/v3/bill/tradebill", "/v3/none"):
        assert abroad.call("GET", path).status == 401
    assert abroad.call("POST", "/v3/pay/partner/transactions/jsapi", {}).status == 401


def test_an_order_is_seen_by_its_own_number_alone(abroad: Merchant, hands: Hands, world: World) -> None:
    paid(abroad)
    at_home, old = hands("merchant", MCHID), Old(world)
    assert abroad.call("GET", by_number(ORDERS, MCHID_ABROAD)).body["trade_state"] == "SUCCESS"
    assert at_home.call("GET", by_number("/v3/pay/transactions", MCHID)).body["code"] == "ORDER_NOT_EXIST"
    assert at_home.close(NUMBER).body["code"] == "ORDER_NOT_EXIST"
    amount = {"refund": 1, "total": 2000, "currency": "CNY"}
    wish = {"out_trade_no": NUMBER, "out_refund_no": "r1", "amount": amount}
    assert at_home.call("POST", "/v3/refund/domestic/refunds", wish).body["code"] == "RESOURCE_NOT_EXISTS"
    assert old.ask("/pay/orderquery", {"out_trade_no": NUMBER})["err_code"] == "ORDERNOTEXIST"
    assert old.ask("/pay/closeorder", {"out_trade_no": NUMBER})["err_code"] == "ORDERNOTEXIST"
    fields = {"out_trade_no": NUMBER, "out_refund_no": "r1", "total_fee": "2000", "refund_fee": "1"}
    assert old.ask("/secapi/pay/refund", fields)["err_code"] == "ORDERNOTEXIST"
    assert world.refunds.everything() == []


def test_a_refund_is_seen_by_its_own_number_alone(abroad: Merchant, hands: Hands, world: World) -> None:
    paid(abroad)
    wish = {
        "mchid": MCHID_ABROAD, "appid": OFFICIAL_ACCOUNT, "out_trade_no": NUMBER, "out_refund_no": "r1",
        "amount": {"refund": 500, "total": 2000, "currency": "GBP"},
    }  # fmt: skip
    assert abroad.call("POST", REFUNDS, wish | {"mchid": MCHID}).body["code"] == "PARAM_ERROR"
    assert abroad.call("POST", REFUNDS, wish).status == 200
    assert abroad.call("GET", f"{REFUNDS}/out-refund-no/r1?mchid={MCHID_ABROAD}").status == 200
    asked = "/v3/refund/domestic/refunds/r1"
    assert hands("merchant", MCHID).call("GET", asked).body["code"] == "RESOURCE_NOT_EXISTS"
    assert Old(world).ask("/pay/refundquery", {"out_refund_no": "r1"})["err_code"] == "REFUNDNOTEXIST"


def test_an_order_at_home_is_not_seen_abroad(abroad: Merchant, merchant: Merchant) -> None:
    merchant.place(NUMBER)
    assert abroad.call("GET", by_number(ORDERS, MCHID_ABROAD)).body["code"] == "ORDER_NOT_EXIST"
    close = f"{ORDERS}/out-trade-no/{NUMBER}/close"
    assert abroad.call("POST", close, {"mchid": MCHID_ABROAD}).body["code"] == "ORDER_NOT_EXIST"
    assert merchant.query(NUMBER).body["trade_state"] == "NOTPAY"


def test_a_new_apiv3_key_at_home_changes_nothing_abroad(credentials: Credentials, tmp_path: Path, files: Files) -> None:
    shutil.copytree(credentials.directory, tmp_path / "own")
    own = ensure(tmp_path / "own")
    own.change_keys(apiv3_key="n" * 32)
    assert own.signs(MCHID).apiv3_key == b"n" * 32
    assert own.signs(MCHID_ABROAD).apiv3_key == credentials.abroad.apiv3_key
    assert ensure(tmp_path / "own").abroad.apiv3_key == credentials.abroad.apiv3_key
    merchant = Merchant(files, client_of(World(own)))
    (item,) = merchant.call("GET", "/v3/certificates").body["data"]
    with pytest.raises(InvalidTag):
        merchant.open_sealed(item["encrypt_certificate"])

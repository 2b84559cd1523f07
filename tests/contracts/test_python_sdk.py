"""wechatpayv3, as it comes from PyPI, lives a merchant's life at the simulator, by public key and by certificates."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import load_certificate, rsa_decrypt, rsa_verify

from tests.support.wechat_side import BUYER, MOBILE_APP, OFFICIAL_ACCOUNT, WechatSide, wechat_side
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.provider import Exchange
from wxbackend.providers.wechat_v3 import sealing
from wxbackend.providers.wechat_v3.config import load_private_key, serial_text

MCHID: Final = "1900000109"
TOTAL: Final = 1990
REFUND: Final = 490
TWO_DAYS_S: Final = 2 * 86_400


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The simulator over real HTTP."""
    with wechat_side(tmp_path_factory.mktemp("sdk")) as made:
        yield made


def text(side: WechatSide, name: str) -> str:
    """A file from the console."""
    return (side.directory / "merchant" / name).read_text().strip()


def build(side: WechatSide, **keys: Any) -> WeChatPay:
    """The SDK, which is told nothing but the merchant's own files, and where WeChat is."""
    certificate = load_certificate(text(side, "apiclient_cert.pem"))
    made = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=MCHID,
        private_key=text(side, "apiclient_key.pem"),
        cert_serial_no=serial_text(certificate.serial_number),
        appid=OFFICIAL_ACCOUNT,
        apiv3_key=text(side, "apiv3_key.txt"),
        notify_url=side.mailbox.url,
        timeout=(5, 10),
        **keys,
    )
    made._core._gate_way = side.url
    return made


def by_public_key(side: WechatSide, _folder: Path) -> WeChatPay:
    """As merchants are since 2024."""
    side.desk("POST", "/mode", {"mode": "pubkey"})
    return build(side, public_key=text(side, "pub_key.pem"), public_key_id=text(side, "pub_key_id.txt"))


def by_certificates(side: WechatSide, folder: Path) -> WeChatPay:
    """As merchants were before: the certificates that our adapter was brought lie in the SDK's folder."""
    side.desk("POST", "/mode", {"mode": "cert"})
    for certificate in side.transport.send(side.adapter(with_public_key=False).certificates()):
        (folder / f"{certificate.serial}.pem").write_text(certificate.pem)
    return build(side, cert_dir=str(folder))


MODES: Final = {"public key": by_public_key, "certificates": by_certificates}


@pytest.fixture(params=MODES)
def sdk(request: pytest.FixtureRequest, side: WechatSide, tmp_path: Path) -> WeChatPay:
    """The SDK in one of its two modes, in a world without yesterday."""
    side.desk("POST", "/reset")
    side.desk("POST", "/refunds/rules", {"min_spacing_s": 0, "settle_after_s": None})
    side.behave()
    return MODES[request.param](side, tmp_path)


def good(answer: tuple[int, Any]) -> dict[str, Any]:
    """The body of an answer that the SDK believed."""
    status, body = answer
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)
    return found


def ordered(side: WechatSide, sdk: WeChatPay, number: str) -> str:
    """An order of the SDK for the default buyer: its prepay_id."""
    made = sdk.pay(
        description="一杯咖啡",
        out_trade_no=number,
        amount={"total": TOTAL, "currency": "CNY"},
        payer={"openid": side.openid(OFFICIAL_ACCOUNT)},
        attach="柜台 1",
    )
    return str(good(made)["prepay_id"])


def paid(side: WechatSide, sdk: WeChatPay) -> dict[str, Any]:
    """A payment of the SDK in a cashier that checks what the SDK signed: WeChat's notice of it, as the SDK reads it."""
    number = f"sdk{uuid4().hex[:20]}"
    stamp, nonce, package = str(int(time.time())), uuid4().hex, f"prepay_id={ordered(side, sdk, number)}"
    params = {"appId": OFFICIAL_ACCOUNT, "timeStamp": stamp, "nonceStr": nonce, "package": package}
    params |= {"signType": "RSA", "paySign": sdk.sign([OFFICIAL_ACCOUNT, stamp, nonce, package])}
    wish = {"channel": "official_account", "params": params, "outcome": "pay"}
    assert side.desk("POST", f"/buyers/{BUYER}/pay", wish)["err_msg"] == "get_brand_wcpay_request:ok"
    letter = side.mailbox.wait()[-1]
    told: dict[str, Any] = sdk.callback(letter.headers, letter.body.decode())
    assert (told["event_type"], told["resource"]["out_trade_no"]) == ("TRANSACTION.SUCCESS", number)
    found: dict[str, Any] = told["resource"]
    return found


def test_it_orders_is_paid_and_finds_the_payment_by_both_numbers(side: WechatSide, sdk: WeChatPay) -> None:
    told = paid(side, sdk)
    assert good(sdk.query(out_trade_no=told["out_trade_no"])) == told
    assert good(sdk.query(transaction_id=told["transaction_id"])) == told
    assert (told["amount"]["total"], told["attach"], told["trade_type"]) == (TOTAL, "柜台 1", "JSAPI")
    assert side.desk("GET", "/books")["paid_total"] == TOTAL


def test_it_orders_a_code_and_closes_it(side: WechatSide, sdk: WeChatPay) -> None:
    number = f"sdk{uuid4().hex[:20]}"
    money = {"total": TOTAL, "currency": "CNY"}
    made = sdk.pay(description="一杯咖啡", out_trade_no=number, amount=money, pay_type=WeChatPayType.NATIVE)
    assert good(made)["code_url"].startswith("weixin://")
    assert good(sdk.query(out_trade_no=number))["trade_state"] == "NOTPAY"
    assert sdk.close(out_trade_no=number)[0] == 204
    assert good(sdk.query(out_trade_no=number))["trade_state"] == "CLOSED"


def test_it_refunds_asks_for_the_refund_and_believes_the_notice_of_it(side: WechatSide, sdk: WeChatPay) -> None:
    told = paid(side, sdk)
    side.mailbox.empty()
    number = f"back{uuid4().hex[:20]}"
    wish: dict[str, Any] = {
        "out_refund_no": number,
        "transaction_id": told["transaction_id"],
        "amount": {"refund": REFUND, "total": TOTAL, "currency": "CNY"},
        "notify_url": side.mailbox.url,
    }
    first, again = good(sdk.refund(**wish)), good(sdk.refund(**wish))
    assert (first["status"], again["refund_id"]) == ("PROCESSING", first["refund_id"])
    side.desk("POST", f"/refunds/{number}/settle", {"outcome": "SUCCESS"})
    asked = good(sdk.query_refund(number))
    assert (asked["status"], asked["amount"]["refund"]) == ("SUCCESS", REFUND)
    letter = side.mailbox.wait()[0]
    notice = sdk.callback(letter.headers, letter.body.decode())
    assert (notice["event_type"], notice["resource"]["refund_status"]) == ("REFUND.SUCCESS", "SUCCESS")
    assert notice["resource"]["success_time"] == asked["success_time"]
    assert side.desk("GET", "/books")["refunded_total"] == REFUND
    assert sdk.query_refund("nobody")[0] == 404


def test_it_fetches_both_bills_and_their_hashes_fit(side: WechatSide, sdk: WeChatPay) -> None:
    told = paid(side, sdk)
    day = told["success_time"][:10]
    side.desk("POST", "/clock", {"advance_s": TWO_DAYS_S})
    for offered, marks in (
        (sdk.trade_bill(day), [told["out_trade_no"], told["transaction_id"], "`19.90"]),
        (sdk.trade_bill(day, bill_type="SUCCESS"), [told["out_trade_no"], "总交易单数"]),
        (sdk.fundflow_bill(day), [told["transaction_id"], "资金流水总笔数"]),
    ):
        offer = good(offered)
        assert urlsplit(offer["download_url"]).path == "/v3/billdownload/file"
        status, content = sdk.download_bill(offer["download_url"])
        assert status == 200
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        assert (offer["hash_type"], hashlib.sha1(plain).hexdigest()) == ("SHA1", offer["hash_value"])
        assert [mark for mark in marks if mark not in plain.decode("utf-8-sig")] == []


@pytest.mark.parametrize("fault", ["bad_signature", "probe", "unknown_serial"])
def test_it_does_not_believe_what_we_would_not_believe_either(side: WechatSide, sdk: WeChatPay, fault: str) -> None:
    number = paid(side, sdk)["out_trade_no"]
    side.misbehave(fault, "query")
    with pytest.raises(Exception, match="failed to verify the signature"):
        sdk.query(out_trade_no=number)
    assert good(sdk.query(out_trade_no=number))["trade_state"] == "SUCCESS"


@pytest.mark.parametrize("disguise", ["probe", "tamper"])
def test_it_refuses_the_notices_that_we_refuse_and_reads_the_one_that_follows(
    side: WechatSide, sdk: WeChatPay, disguise: str
) -> None:
    side.desk("POST", "/mischief", {"notices": {disguise: {"times": 1}}})
    number = f"sdk{uuid4().hex[:20]}"
    ordered(side, sdk, number)
    side.desk("POST", f"/buyers/{BUYER}/pay_order", {"out_trade_no": number})
    (bad,) = side.mailbox.wait()
    assert sdk.callback(bad.headers, bad.body.decode()) is None
    (notice,) = side.desk("GET", "/notices")["notices"]
    side.desk("POST", f"/notices/{notice['id']}/send", {})
    right = side.mailbox.wait(2)[-1]
    assert sdk.callback(right.headers, right.body.decode())["resource"]["out_trade_no"] == number


def test_it_follows_a_rotation_of_the_certificates(side: WechatSide, tmp_path: Path) -> None:
    side.desk("POST", "/reset")
    sdk = by_certificates(side, tmp_path)
    old = side.desk("GET", "/world")["keys"]["signing_serial"]
    new = side.desk("POST", "/certificates/rotate", {"step": "rotate"})["signing_serial"]
    ordered(side, sdk, "rotated_1")
    assert good(sdk.query(out_trade_no="rotated_1"))["trade_state"] == "NOTPAY"
    assert {f"{old}.pem", f"{new}.pem"} <= {path.name for path in tmp_path.iterdir()}


# --- the other direction: what our adapter signs, held against the merchant's certificate by the SDK -----------------


def verified(side: WechatSide, *lines: str, signature: str) -> bool:
    """Whether the SDK takes the signature over these lines for the merchant's; its message has three parts."""
    key = load_certificate(text(side, "apiclient_cert.pem")).public_key()
    return bool(rsa_verify("\n".join(lines[:-2]), lines[-2], lines[-1], signature, key))


def items(exchange: Exchange[Any]) -> dict[str, str]:
    """What stands in our Authorization header."""
    parts = exchange.headers["Authorization"].partition(" ")[2].split(",")
    return {name: value.strip('"') for name, _, value in (part.partition("=") for part in parts)}


@pytest.mark.parametrize("call", ["order", "query", "close"])
def test_it_takes_our_requests_for_the_merchants_and_a_changed_one_not(side: WechatSide, call: str) -> None:
    exchange: Exchange[Any] = getattr(side.provider, call)(side.attempt())
    told, body = items(exchange), exchange.body.decode()
    head = (exchange.method, exchange.target, told["timestamp"], told["nonce_str"])
    assert verified(side, *head, body, signature=told["signature"])
    assert not verified(side, *head, body + " ", signature=told["signature"])
    assert told["serial_no"] == serial_text(load_certificate(text(side, "apiclient_cert.pem")).serial_number)


def test_it_takes_our_cashier_parameters_for_the_merchants(side: WechatSide) -> None:
    side.desk("POST", "/reset")
    shown = side.open(side.attempt()).client_params
    lines = [shown["appId"], shown["timeStamp"], shown["nonceStr"], shown["package"]]
    assert verified(side, *lines, signature=shown["paySign"])
    assert not verified(side, *lines[:-1], "prepay_id=wx1", signature=shown["paySign"])
    app = side.open(side.attempt_at(Terminal.APP)).client_params
    lines = [MOBILE_APP, app["timestamp"], app["noncestr"], app["prepayid"]]
    assert verified(side, *lines, signature=app["sign"])


def test_it_opens_the_fields_that_we_seal(side: WechatSide) -> None:
    key = load_private_key((side.directory / "wechat" / "wechatpay_key.pem").read_bytes())
    sealed = sealing.seal_field(key.public_key(), "小明 6222000000000000000")
    assert rsa_decrypt(sealed, key) == "小明 6222000000000000000"

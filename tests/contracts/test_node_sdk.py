"""wechatpay-axios-plugin, as it comes from npm, as a merchant of the simulator, and as judge of what we sign."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.node import INSTALL_TIMEOUT_S, SCRIPT_TIMEOUT_S, Node
from tests.support.wechat_side import (
    OFFICIAL_ACCOUNT,
    WechatSide,
    WechatV2HmacSide,
    WechatV2Side,
    wechat_side,
)
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.provider import Exchange
from wxbackend.providers.wechat_v3 import sealing
from wxbackend.providers.wechat_v3.config import load_certificate, load_private_key

MCHID: Final = "1900000109"
TOTAL: Final = 1990
REFUND: Final = 490

pytestmark = pytest.mark.timeout(INSTALL_TIMEOUT_S + SCRIPT_TIMEOUT_S)


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The simulator over real HTTP, and over TLS, where the SDK finds it."""
    with wechat_side(tmp_path_factory.mktemp("axios")) as made:
        yield made


@pytest.fixture(autouse=True)
def fresh(side: WechatSide) -> None:
    """A world without yesterday, whose refunds end when they are told to."""
    side.desk("POST", "/reset")
    side.desk("POST", "/refunds/rules", {"min_spacing_s": 0, "settle_after_s": None})


def surroundings(side: WechatSide, **more: str) -> dict[str, str]:
    """What the scripts are told: where WeChat is, and where the merchant's files lie."""
    files = side.directory / "merchant"
    serial, _ = load_certificate((files / "apiclient_cert.pem").read_bytes())
    return {
        "PAY_URL": side.tls_url,
        "DESK_URL": side.url,
        "FOLDER": str(files),
        "MCHID": MCHID,
        "MERCHANT_SERIAL": serial,
        "APPID": OFFICIAL_ACCOUNT,
        "NODE_EXTRA_CA_CERTS": str(files / "tls_authority.pem"),
        **more,
    }


def run(node: Node, script: str, variables: dict[str, str]) -> dict[str, Any]:
    """What the script saw, when all that it expects held."""
    told = node.check(script, variables)
    seen: dict[str, Any] = json.loads(next(line for line in told.splitlines() if line.startswith('{"ok"')))
    assert seen["ok"] is True
    return seen


@pytest.mark.parametrize("keys", ["public key", "certificates"])
def test_it_lives_a_merchants_life_by_api_v3(node: Node, side: WechatSide, keys: str) -> None:
    side.desk("POST", "/mode", {"mode": "cert" if keys == "certificates" else "pubkey"})
    seen = run(node, "wechatpay-v3", surroundings(side, KEYS=keys))
    shown = side.desk("GET", "/world")["keys"]
    serial = shown["signing_serial"] if keys == "certificates" else shown["public_key_id"]
    assert serial in seen["certs"]
    assert seen["closed"] == {"status": 204, "state": "CLOSED", "absent": [404, "ORDER_NOT_EXIST"]}
    refunded = {"taken": "PROCESSING", "status": "SUCCESS", "refund": REFUND, "told": "SUCCESS"}
    assert seen["refunded"] == refunded
    books = side.desk("GET", "/books")
    assert (books["paid_total"], books["refunded_total"], books["balanced"]) == (TOTAL, REFUND, True)
    number = seen["paid"]["out_trade_no"]
    (sale, back) = seen["trades"]["rows"]
    assert (sale["商户订单号"], sale["交易状态"], sale["订单金额"]) == (number, "SUCCESS", "19.90")
    assert (back["商户订单号"], back["交易状态"], back["申请退款金额"]) == (number, "REFUND", "4.90")
    assert (seen["trades"]["summary"]["总交易单数"], seen["trades"]["summary"]["退款总金额"]) == ("2", "4.90")
    assert [row["收支类型"] for row in seen["funds"]["rows"]][:1] == ["收入"]


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_it_lives_a_merchants_life_by_api_v2(node: Node, side: WechatSide, sign_type: str) -> None:
    seen = run(node, "wechatpay-v2", surroundings(side, SIGN_TYPE=sign_type))
    assert seen["closed"] == {"state": "CLOSED", "absent": "ORDERNOTEXIST"}
    assert seen["refunded"] == {"bare": 400, "status": "SUCCESS", "refund": str(REFUND)}
    assert seen["unbelieved"] == "EV2_RES_SIGNATURE_NOT_EQUAL"
    books = side.desk("GET", "/books")
    assert (books["paid_total"], books["refunded_total"], books["balanced"]) == (TOTAL, REFUND, True)


def request_of(exchange: Exchange[Any]) -> dict[str, str]:
    """A request of our adapter as the judge is shown it."""
    told = {"method": exchange.method, "target": exchange.target, "body": exchange.body.decode()}
    return told | {"authorization": exchange.headers["Authorization"]}


def test_it_verifies_what_our_adapter_signs_and_opens_what_it_seals(node: Node, side: WechatSide) -> None:
    provider, attempt = side.provider, side.attempt()
    key = side.directory / "wechat" / "wechatpay_key.pem"
    plain = "小明 6222000000000000000"
    signed: dict[str, list[dict[str, Any]]] = {
        "requests": [request_of(call(attempt)) for call in (provider.order, provider.query, provider.close)],
        "cashier": [dict(side.open(attempt).client_params)],
        "app": [dict(side.open(side.attempt_at(Terminal.APP)).client_params)],
        "sealed": [
            {"plain": plain, "text": sealing.seal_field(load_private_key(key.read_bytes()).public_key(), plain)}
        ],
        "xml": [],
        "cashierV2": [],
    }
    for kind in (WechatV2Side, WechatV2HmacSide):
        second = kind(side.url, side.mailbox, side.directory, side.tls_url)
        try:
            order = second.attempt()
            sent = second.provider.order(order)
            signed["xml"].append({"body": sent.body.decode(), "signType": second.sign_type})
            signed["cashierV2"].append(dict(second.open(order).client_params))
        finally:
            second.close()
    variables = surroundings(side, KEEPER=str(key), SIGNED=json.dumps(signed))
    verdicts = run(node, "wechatpay-judge", variables)["verdicts"]
    assert verdicts == {kind: [True] * len(all_of) for kind, all_of in signed.items()}
    lies = {"cashier": [signed["cashier"][0] | {"package": "prepay_id=wx1"}], "xml": [signed["xml"][0]]}
    lies["xml"][0]["body"] = lies["xml"][0]["body"].replace("<total_fee>2000<", "<total_fee>1<")
    told = run(node, "wechatpay-judge", variables | {"SIGNED": json.dumps(lies)})["verdicts"]
    assert told == {"cashier": [False], "xml": [False]}

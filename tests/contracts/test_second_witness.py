"""A library that somebody else wrote, wechatpayv3, agrees with our adapter in both directions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import aes_decrypt, load_private_key, load_public_key, rsa_sign, rsa_verify

from tests.support.wechat_side import OFFICIAL_ACCOUNT, WechatSide, wechat_side
from wxbackend.domain.errors import BadSignature
from wxbackend.domain.observation import Paid
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.provider import Exchange, Reply
from wxbackend.providers.wechat_v3 import signing


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The other side."""
    with wechat_side(tmp_path_factory.mktemp("witness")) as made:
        yield made


@pytest.fixture(scope="module")
def sdk(side: WechatSide) -> WeChatPay:
    """The library with the same files that our adapter has."""
    return WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid="1900000109",
        private_key=text(side, "apiclient_key.pem"),
        cert_serial_no=items(side.provider.query(side.attempt()))["serial_no"],
        appid=OFFICIAL_ACCOUNT,
        apiv3_key=text(side, "apiv3_key.txt"),
        public_key=text(side, "pub_key.pem"),
        public_key_id=text(side, "pub_key_id.txt"),
    )


def text(side: WechatSide, name: str) -> str:
    """A file from the console."""
    return (side.directory / "merchant" / name).read_text().strip()


def items(exchange: Exchange[Any]) -> dict[str, str]:
    """What stands in our Authorization header."""
    parts = exchange.headers["Authorization"].partition(" ")[2].split(",")
    return {name: value.strip('"') for name, _, value in (part.partition("=") for part in parts)}


@dataclass
class Overheard:
    """The reply that an exchange was given, beside what was read from it."""

    replies: list[Reply] = field(default_factory=list)

    def listen(self, exchange: Exchange[Any]) -> Exchange[Any]:
        """The same exchange, remembering its reply."""

        def read(reply: Reply) -> Any:
            self.replies.append(reply)
            return exchange.read(reply)

        return Exchange(
            exchange.purpose, exchange.method, exchange.hosts, exchange.target, exchange.headers, exchange.body, read
        )


@pytest.mark.parametrize("call", ["order", "query", "close"])
def test_it_signs_our_requests_with_the_same_bytes(side: WechatSide, call: str) -> None:
    provider, attempt = side.provider, side.attempt()
    builders = {"order": provider.order, "query": provider.query, "close": provider.close}
    exchange = builders[call](attempt)
    ours = items(exchange)
    message = (
        f"{exchange.method}\n{exchange.target}\n{ours['timestamp']}\n{ours['nonce_str']}\n{exchange.body.decode()}\n"
    )
    key = load_private_key(text(side, "apiclient_key.pem"))
    assert rsa_sign(key, message) == ours["signature"]
    assert exchange.headers["Authorization"].startswith("WECHATPAY2-SHA256-RSA2048 ")


def test_it_signs_the_cashier_parameters_with_the_same_bytes(side: WechatSide, sdk: WeChatPay) -> None:
    shown = side.open(side.attempt()).client_params
    signed = [shown["appId"], shown["timeStamp"], shown["nonceStr"], shown["package"]]
    assert sdk.sign(signed) == shown["paySign"]


def test_it_signs_an_apps_parameters_with_the_same_bytes(side: WechatSide, sdk: WeChatPay) -> None:
    shown = side.open(side.attempt_at(Terminal.APP)).client_params
    assert sdk.sign([shown["appid"], shown["timestamp"], shown["noncestr"], shown["prepayid"]]) == shown["sign"]


def test_it_believes_the_answers_that_we_believe(side: WechatSide) -> None:
    overheard, attempt = Overheard(), side.attempt()
    side.transport.send(overheard.listen(side.provider.order(attempt)))
    side.transport.send(overheard.listen(side.provider.query(attempt)))
    side.transport.send(overheard.listen(side.provider.close(attempt)))
    key = load_public_key(text(side, "pub_key.pem"))
    for reply in overheard.replies:
        stamp = [reply.headers[f"wechatpay-{name}"] for name in ("timestamp", "nonce", "signature")]
        assert rsa_verify(stamp[0], stamp[1], reply.body.decode(), stamp[2], key)
        assert not rsa_verify(stamp[0], stamp[1], reply.body.decode() + " ", stamp[2], key)
    assert len(overheard.replies) == 3


def test_we_believe_what_it_signs_and_not_what_it_did_not(side: WechatSide) -> None:
    key = load_private_key(text(side, "apiclient_key.pem"))
    now_s, body = int(time.time()), '{"名":"值"}'
    headers = {
        "wechatpay-timestamp": str(now_s),
        "wechatpay-nonce": "n",
        "wechatpay-serial": "theirs",
        "wechatpay-signature": rsa_sign(key, f"{now_s}\nn\n{body}\n"),
    }

    class Held:
        """Their key."""

        def find(self, serial: str) -> Any:
            """Under its name."""
            return key.public_key() if serial == "theirs" else None

    signing.verify(Held(), headers, body.encode(), now_s=now_s)
    with pytest.raises(BadSignature):
        signing.verify(Held(), headers, body.encode() + b" ", now_s=now_s)


def test_it_opens_what_we_open(side: WechatSide) -> None:
    overheard = Overheard()
    ours = side.transport.send(overheard.listen(side.adapter().certificates()))
    entries = orjson.loads(overheard.replies[0].body)["data"]
    for entry, certificate in zip(entries, ours, strict=True):
        sealed = {name: entry["encrypt_certificate"][name] for name in ("nonce", "ciphertext", "associated_data")}
        assert aes_decrypt(**sealed, apiv3_key=text(side, "apiv3_key.txt")) == certificate.pem


def test_it_reads_a_notice_as_we_do(side: WechatSide, sdk: WeChatPay) -> None:
    side.behave()
    side.desk("POST", "/mode", {"mode": "pubkey"})
    attempt = side.attempt()
    side.open(attempt)
    side.pay(attempt)
    letter = side.mailbox.wait()[0]
    theirs = sdk.callback(letter.headers, letter.body.decode())
    ours = side.provider.read_notice(letter.headers, letter.body)
    assert isinstance(ours.observation, Paid)
    told = theirs["resource"]
    assert (theirs["id"], theirs["event_type"]) == (ours.id, ours.kind)
    assert (told["transaction_id"], told["amount"]["total"]) == (ours.observation.transaction, ours.observation.amount)
    assert (told["out_trade_no"], told["payer"]["openid"]) == (ours.out_trade_no, ours.observation.payer)

"""The other side, lean and in a process of its own: WeChat's order endpoint with signed answers, and a shop's webhooks.

    python -m bench.upstream --port 9000 --credentials var/wechat

`/v3/pay/transactions/jsapi` is answered with a prepay id, signed for each answer. `/ready` gives an answer that was made at
the start (floor U). `/shop/webhooks` says 200 and counts; `/hang` never answers. `/_tell` sets the delay of orders and
whether the shop answers, and says what was counted.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import secrets
import time
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import click
import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ORDERS: Final = "/v3/pay/transactions/jsapi"
SHOP: Final = "/shop/webhooks"
HANG: Final = "/hang"
READY: Final = "/ready"
TELL: Final = "/_tell"
READY_ANSWER: Final = b'{"prepay_id":"wx26112221580621e9b071c00d9e093b0000"}'


class World:
    """What the connections share."""

    def __init__(self, credentials: Path) -> None:
        pem = (credentials / "wechat" / "wechatpay_key.pem").read_bytes()
        self._key = cast("RSAPrivateKey", load_pem_private_key(pem, None))
        self._serial = (credentials / "merchant" / "pub_key_id.txt").read_text(encoding="ascii").strip()
        self.order_takes_s = 0.0
        self.shop_answers = True
        self.webhooks = 0
        self.last_webhook_s = 0.0
        self.ready = self.signed(READY_ANSWER)

    def signed(self, body: bytes) -> bytes:
        """A whole HTTP answer with WeChat's signature."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        signature = base64.b64encode(self._key.sign(message, PKCS1v15(), SHA256())).decode("ascii")
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nRequest-ID: 08F2{nonce.upper()}-0\r\n"
            f"Wechatpay-Nonce: {nonce}\r\nWechatpay-Serial: {self._serial}\r\nWechatpay-Signature: {signature}\r\n"
            f"Wechatpay-Signature-Type: WECHATPAY2-SHA256-RSA2048\r\nWechatpay-Timestamp: {timestamp}\r\n\r\n"
        )
        return head.encode("ascii") + body

    def tell(self, knobs: dict[str, str]) -> bytes:
        """Turn the knobs and say what was counted."""
        self.order_takes_s = float(knobs.get("order_takes_s", self.order_takes_s))
        self.shop_answers = knobs.get("shop_answers", str(self.shop_answers)) == "True"
        body = orjson.dumps({"webhooks": self.webhooks, "last_webhook_s": self.last_webhook_s})
        return plain(200, body)


def plain(status: int, body: bytes) -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Conversation(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came; answer when the request is whole."""
        self._received += data
        head_ends = self._received.find(b"\r\n\r\n")
        if head_ends < 0:
            return
        head = bytes(self._received[:head_ends]).lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._received) < head_ends + 4 + length:
            return
        target = bytes(self._received).split(b" ", 2)[1].decode("ascii")
        self._received.clear()
        self._answer(target)

    def _answer(self, target: str) -> None:
        world = self._world
        path, _, query = target.partition("?")
        if path == ORDERS:
            body = orjson.dumps({"prepay_id": f"wx{secrets.token_hex(17)}"})
            if world.order_takes_s:
                asyncio.get_running_loop().call_later(world.order_takes_s, lambda: self._send(world.signed(body)))
            else:
                self._send(world.signed(body))
        elif path == READY:
            self._send(world.ready)
        elif path == SHOP:
            world.webhooks += 1
            world.last_webhook_s = time.monotonic()
            if world.shop_answers:
                self._send(plain(200, b"{}"))
        elif path == TELL:
            self._send(world.tell(dict(parse_qsl(query))))
        elif path != HANG:
            self._send(plain(404, b'{"code":"RESOURCE_NOT_EXISTS","message":"not here"}'))

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(port: int, credentials: Path) -> None:
    world = World(credentials)
    gc.freeze()
    loop: Any = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(world), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--credentials", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(port: int, credentials: Path) -> None:
    """Serve until ended."""
    asyncio.run(_serve(port, credentials))


if __name__ == "__main__":
    main()

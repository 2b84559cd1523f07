"""The simulated WeChat Pay over real HTTP, and our adapter as its merchant: a side for suites over `ports.provider`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import uuid4

import urllib3
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.console import downloads
from tests.support.objects import an_attempt
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.observation import Observation, Opened
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.provider import ClientCertificate, Exchange, Hosts, PlatformCertificate, Provider
from wxbackend.providers.wechat_v2 import config as v2
from wxbackend.providers.wechat_v2 import wire as v2_wire
from wxbackend.providers.wechat_v2.adapter import WechatV2
from wxbackend.providers.wechat_v3.adapter import PaymentCalls, WechatV3
from wxbackend.providers.wechat_v3.config import (
    MerchantConfig,
    load_certificate,
    load_private_key,
    load_public_key,
)
from wxbackend.providers.wechat_v3.keys import KeyRing
from wxbackend.simulators.app import create_app
from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.tls import EncryptedPort
from wxbackend.simulators.world import World
from wxbackend.transport.http import HttpTransport, Limits

OFFICIAL_ACCOUNT: Final = "wx2421b1c4370ec43b"
MINI_PROGRAM: Final = "wx7a154c094f74e84f"
MOBILE_APP: Final = "wx8c1f5b7e3a9d2046"
UNBOUND_APP: Final = "wxd678efh567hg6787"
BUYER: Final = "buyer_1"
NOTICE_WAIT_S: Final = 15.0


class Clockwork:
    """Surroundings with the real clock, and numbers and texts that are only unique."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.ahead_ms = 0

    def now_ms(self) -> int:
        """Unix time in milliseconds, set ahead by `ahead_ms`."""
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def new_id(self) -> int:
        """The next number."""
        return next(self._numbers)

    def nonce(self) -> str:
        """32 letters and digits."""
        return uuid4().hex

    def token(self) -> str:
        """The same, as a secret."""
        return uuid4().hex

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Letter:
    """A notice as it came: header names in lower case, and the exact bytes."""

    headers: dict[str, str]
    body: bytes


class Mailbox:
    """The merchant's notice address."""

    def __init__(self) -> None:
        self._came = threading.Condition()
        self._letters: list[Letter] = []
        mailbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mailbox.put(Letter({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/notices"

    def put(self, letter: Letter) -> None:
        """Keep what came."""
        with self._came:
            self._letters.append(letter)
            self._came.notify_all()

    def wait(self, number: int = 1) -> list[Letter]:
        """The letters, once there are that many."""
        with self._came:
            assert self._came.wait_for(lambda: len(self._letters) >= number, NOTICE_WAIT_S), "no notice came"
            return list(self._letters)

    def empty(self) -> None:
        """Forget what came."""
        with self._came:
            self._letters.clear()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class WechatSide:
    """What a suite over the provider port needs: the adapter, a way to send, and the other side's hands."""

    name = "wechat_v3"
    sign_type = "RSA"
    currency = "CNY"
    orders = "/v3/pay/transactions"
    mchid = "1900000109"
    signer = mchid
    apps: ClassVar[Mapping[str, str]] = {}
    """The apps that stand here for those of a merchant that signs for itself."""

    def __init__(self, url: str, mailbox: Mailbox, directory: Path, tls_url: str = "") -> None:
        self.url = url
        self.tls_url = tls_url
        self.mailbox = mailbox
        self.directory = directory
        self.surroundings = Clockwork()
        self.transport = HttpTransport(Limits(connect_s=10.0, read_s=10.0, total_s=20.0))
        self._http = urllib3.PoolManager(retries=False, timeout=10.0)
        self.provider = self.introduce()

    def introduce(self) -> Provider:
        """Our adapter, ready to believe what this side says."""
        provider = self.adapter()
        provider.trust(self.transport.send(provider.certificates()))
        return provider

    @property
    def keys(self) -> Path:
        """Where the signer's own keys lie."""
        return self.directory / "merchant"

    @property
    def v3(self) -> PaymentCalls:
        """Our adapter with what API v3 has in either mode."""
        assert isinstance(self.provider, PaymentCalls)
        return self.provider

    @property
    def wechat_v3(self) -> WechatV3:
        """Our adapter with what API v3 alone has."""
        assert isinstance(self.provider, WechatV3)
        return self.provider

    def parts(self, exchange: Exchange[Observation]) -> tuple[object, object]:
        """What is asked for, and what is fresh at each sending: a signature over time and chance."""
        return (exchange.method, exchange.target, exchange.body), exchange.headers["Authorization"]

    def changed(self, letter: Letter) -> list[Letter]:
        """The notice with one thing changed in each."""
        names = ("wechatpay-nonce", "wechatpay-serial", "wechatpay-signature")
        heads = [letter.headers | {name: letter.headers[name][:-1] + "!"} for name in names]
        return [Letter({}, letter.body), *(Letter(head, letter.body) for head in heads)]

    def adapter(self, *, with_public_key: bool = True, **changes: Any) -> PaymentCalls:
        """Our adapter with the files that the simulated console gave the merchant."""
        files = self.directory / "merchant"
        public_key_id = (files / "pub_key_id.txt").read_text().strip()
        serial, _ = load_certificate((files / "apiclient_cert.pem").read_bytes())
        config = MerchantConfig(
            mchid=self.mchid,
            serial=serial,
            private_key=load_private_key((files / "apiclient_key.pem").read_bytes()),
            apiv3_keys=((files / "apiv3_key.txt").read_bytes().strip(),),
            notify_url=self.mailbox.url,
            hosts=Hosts(self.url),
            public_key_id=public_key_id if with_public_key else None,
        )
        known = {public_key_id: load_public_key((files / "pub_key.pem").read_bytes())} if with_public_key else {}
        nothing: tuple[PlatformCertificate, ...] = ()
        ring = KeyRing(known, load=lambda: nothing, clock_s=lambda: self.surroundings.now_ms() // 1000)
        return WechatV3(replace(config, **changes), ring, self.surroundings)

    def attempt(self, appid: str = OFFICIAL_ACCOUNT, **changes: Any) -> Attempt:
        """An order of 20.00 CNY for the default buyer that was just recorded."""
        now_ms = self.surroundings.now_ms()
        terminal = Terminal.MINI_PROGRAM if appid == MINI_PROGRAM else Terminal.OFFICIAL_ACCOUNT
        fields: dict[str, Any] = {
            "out_trade_no": f"o{uuid4().hex[:24]}",
            "merchant": self.mchid,
            "app": self.app(appid),
            "terminal": terminal,
            "payer": self.openid(appid),
            "created_ms": now_ms,
            "sent_ms": now_ms,
            "expires_ms": now_ms + 7_200_000,
        }
        fields |= changes
        return an_attempt(**(fields | {"app": self.app(fields["app"])}))

    def attempt_at(self, terminal: Terminal, **changes: Any) -> Attempt:
        """The same for a terminal whose orders name no payer."""
        fields: dict[str, Any] = {"terminal": terminal, "payer": ""}
        if terminal is Terminal.WAP:
            fields |= {"client_ip": "36.110.147.2", "os_type": "IOS", "return_url": "https://shop.example.com/done?a=1"}
        appid = MOBILE_APP if terminal is Terminal.APP else OFFICIAL_ACCOUNT
        return self.attempt(appid, **(fields | changes))

    def send(self, exchange: Exchange[Observation]) -> Observation:
        """Over real HTTP; may raise as the transport does."""
        return self.transport.send(exchange)

    def open(self, attempt: Attempt) -> Opened:
        """Open the attempt's order."""
        said = self.send(self.provider.order(attempt))
        assert isinstance(said, Opened), said
        return said

    def pay(self, attempt: Attempt) -> None:
        """The default buyer pays the order."""
        channel = "mini_program" if attempt.terminal is Terminal.MINI_PROGRAM else "official_account"
        told = {"out_trade_no": attempt.out_trade_no, "channel": channel}
        assert self.desk("POST", f"/buyers/{BUYER}/pay_order", told)["err_msg"].endswith(":ok")

    def misbehave(self, fault: str, path: str) -> None:
        """Let the next call on that path go wrong."""
        self.desk("POST", "/mischief", {"api": [{"fault": fault, "path": path, "times": 1}]})

    def behave(self) -> None:
        """No mischief, and an empty mailbox."""
        self.desk("DELETE", "/mischief")
        self.mailbox.empty()
        self.surroundings.ahead_ms = 0

    def paid_in_the_books(self, attempt: Attempt) -> int:
        """How much the provider's own books say was paid for the order, in fen."""
        order = self.desk("GET", f"/orders/{attempt.out_trade_no}")
        return int(order["total"]) if order["trade_state"] == "SUCCESS" else 0

    def openid(self, appid: str) -> str:
        """The default buyer's openid in an app."""
        openids: dict[str, str] = self.desk("GET", f"/buyers/{BUYER}")["openids"]
        return openids[self.app(appid)]

    def app(self, appid: str) -> str:
        """The app of this side that stands for a merchant's own."""
        return self.apps.get(appid, appid)

    def desk(self, method: str, path: str, body: object = None) -> Any:
        """A desk call that must succeed."""
        reply = self._http.request(method, f"{self.url}/_desk{path}", json=body)
        assert reply.status < 300, reply.data
        return reply.json() if reply.data else None

    def close(self) -> None:
        """Close connections."""
        self.transport.close()
        self._http.clear()


class WechatV2Side(WechatSide):
    """The same simulator, asked by API v2."""

    name = "wechat_v2"
    sign_type = "MD5"

    def introduce(self) -> Provider:
        """Our adapter, which needs the key alone."""
        return self.second_adapter()

    def second_adapter(self, **changes: Any) -> WechatV2:
        """Our adapter with the files that the simulated console gave the merchant."""
        files = self.directory / "merchant"
        names = ("apiclient_cert.pem", "apiclient_key.pem", "tls_authority.pem")
        config = v2.MerchantConfig(
            mchid="1900000109",
            apps=frozenset({OFFICIAL_ACCOUNT, MINI_PROGRAM, MOBILE_APP}),
            key=(files / "apiv2_key.txt").read_text().strip(),
            sign_type=self.sign_type,
            notify_url=self.mailbox.url,
            hosts=Hosts(self.url),
            certificate_hosts=Hosts(self.tls_url),
            client=ClientCertificate(*(str(files / name) for name in names)),
        )
        return WechatV2(replace(config, **changes), self.surroundings)

    def parts(self, exchange: Exchange[Observation]) -> tuple[object, object]:
        """What is asked for, and what is fresh at each sending: the nonce and the signature over all."""
        fields = v2_wire.parse(exchange.body)
        fresh = (fields.pop("nonce_str"), fields.pop("sign"))
        return (exchange.method, exchange.target, fields), fresh

    def changed(self, letter: Letter) -> list[Letter]:
        """The notice with one thing changed in each."""
        fields = v2_wire.parse(letter.body)
        lies = [
            {"total_fee": "1"}, {"transaction_id": "4200"}, {"sign": "0" * 32}, {"sign": ""}, {"mch_id": "1900000110"},
            {"sign_type": "HMAC-SHA256" if self.sign_type == "MD5" else "MD5"}, {"more": "yes"},
        ]  # fmt: skip
        return [Letter(letter.headers, v2_wire.document(fields | lie)) for lie in lies]


class WechatV2HmacSide(WechatV2Side):
    """The same, signed by HMAC-SHA256."""

    sign_type = "HMAC-SHA256"


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing."""


@contextmanager
def wechat_side(directory: Path, kind: type[WechatSide] = WechatSide) -> Iterator[WechatSide]:
    """The simulator on a free port, and on an encrypted one, with keys of its own."""
    credentials: Credentials = downloads(directory / "wechat")
    world = World(credentials)
    world.start()
    app = create_app(world)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    encrypted = EncryptedPort(app, "127.0.0.1", 0, credentials.directory)
    encrypted.start()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    mailbox = Mailbox()
    urls = (f"http://127.0.0.1:{server.server_port}", f"https://127.0.0.1:{encrypted.port}")
    side = kind(urls[0], mailbox, credentials.directory, urls[1])
    try:
        yield side
    finally:
        side.close()
        mailbox.close()
        encrypted.stop()
        server.shutdown()
        server.server_close()
        thread.join()
        world.stop()

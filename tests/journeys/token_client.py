"""A process of the token race: waits for the word, asks WeChat with the shared token, and says what it heard.

It is wired as `assembly` wires a web process, but for a shorter lease.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

import structlog

from wxbackend.coordination.opening import open_coordination
from wxbackend.domain.errors import WxbackendError
from wxbackend.domain.terminal import AppKind
from wxbackend.identity.answers import read_success
from wxbackend.identity.single_flight import Pace, SingleFlight
from wxbackend.identity.tokens import AccessTokens, platform_hosts
from wxbackend.ports.accounts import App
from wxbackend.ports.provider import Exchange
from wxbackend.transport.http import HttpTransport, Limits

LEASE_S: Final = 3


@dataclass(frozen=True)
class Place:
    """What a process is told: where to share, whom to ask, and as whom."""

    url: str
    platform_url: str
    appid: str
    secret: str


class Here:
    """The real time and chance; identifiers are not needed for tokens."""

    def __init__(self) -> None:
        self._last_id = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def nonce(self) -> str:
        return secrets.token_hex(16)

    def token(self) -> str:
        return secrets.token_hex(24)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


def an_app(place: Place) -> App:
    """The app that the whole crowd asks for."""
    return App(
        appid=place.appid,
        kind=AppKind.OFFICIAL_ACCOUNT,
        account="acct_race",
        livemode=False,
        provider="wechat_v3",
        merchant="1900000109",
        secret=place.secret,
        platform_url=place.platform_url,
    )


def run(holder: str, place: Place, word: Connection) -> None:
    """For each word that comes in, say `ok` and the token with which a call went well, or what went wrong."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    here = Here()
    coordination = open_coordination(place.url, here.now_ms)
    flight = SingleFlight(coordination, here, holder=holder, pace=Pace(lease_s=LEASE_S))
    tokens = AccessTokens(HttpTransport(Limits()), coordination, here, flight)
    app = an_app(place)

    def ask(token: str) -> Exchange[tuple[str, dict[str, Any]]]:
        target = f"/cgi-bin/get_api_domain_ip?access_token={token}"
        return Exchange(
            "domain_ip",
            "GET",
            platform_hosts(app),
            target,
            {},
            b"",
            lambda reply: (token, read_success(reply, "domain_ip", appid=app.appid)),
        )

    word.send("ready")
    while word.recv() == "go":
        try:
            accepted, _ = tokens.call_with_token(app, ask)
        except WxbackendError as error:
            word.send(f"{type(error).__name__}: {error}")
        else:
            word.send(f"ok {accepted}")
    coordination.close()

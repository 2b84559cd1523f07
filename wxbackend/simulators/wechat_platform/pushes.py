"""Pushes messages and events to the addresses of apps: five seconds to answer, three tries in all.

Reference: WeChat platform, message and event push. An answer of `success` or of nothing counts as told.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

import urllib3

from wxbackend.simulators.buyers import derive_openid
from wxbackend.simulators.clock import Clock
from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.mischief import Mischief
from wxbackend.simulators.wechat_pay.delivery import ANSWER_TIMEOUT_S, Reply, Sender
from wxbackend.simulators.wechat_platform.push_letters import FORMATS, MODES, Style, Twist, letter, message_text, proof
from wxbackend.simulators.wechat_platform.push_secrets import PushSecrets, load_push_secrets

TRIES_MAX = 3
SENDERS = 8
WAIT_STEP_S = 0.02
HELD, WAITING, TOLD, GIVEN_UP = "held", "waiting", "told", "given_up"


class AddressRefusedError(ValueError):
    """The address did not answer WeChat's question with the echostr: the console does not take it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an app's pushes go, and how they look."""

    url: str
    style: Style


@dataclass(frozen=True, slots=True)
class Pushed:
    """One push and what the receiver answered to each try."""

    id: str
    appid: str
    fields: Mapping[str, object] = field(repr=False)
    state: str = WAITING
    replies: tuple[Reply, ...] = ()

    def view(self) -> dict[str, object]:
        """The push as the desk shows it."""
        return {
            "id": self.id,
            "appid": self.appid,
            "fields": dict(self.fields),
            "state": self.state,
            "replies": [reply.view() for reply in self.replies],
        }


class Pushes:
    """All pushes; those of apps without an address are not made."""

    def __init__(self, credentials: Credentials, clock: Clock, mischief: Mischief) -> None:
        self._credentials = credentials
        self._clock = clock
        self._mischief = mischief
        self._lock = threading.Lock()
        self._addresses: dict[str, Address] = {}
        self._pushed: dict[str, Pushed] = {}
        self._busy = 0
        self._sender = Sender()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="push")

    def stop(self) -> None:
        """Send nothing more, and wait for what is on its way."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._sender.close()

    def reset(self) -> None:
        """Forget addresses and pushes."""
        with self._lock:
            self._addresses.clear()
            self._pushed.clear()

    def configure(self, appid: str, url: str, *, mode: str, style_format: str) -> Address:
        """Set an app's address, as in its console: it must give the echostr back. Raises ValueError."""
        if mode not in MODES or style_format not in FORMATS:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, format one of {', '.join(FORMATS)}")
        echo = secrets.token_hex(8)
        query = {**proof(self.secrets(appid).token), "echostr": echo}
        try:
            answer = urllib3.request("GET", f"{url}?{urlencode(query)}", timeout=ANSWER_TIMEOUT_S, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise AddressRefusedError(f"{url} does not answer: {type(error).__name__}") from error
        if answer.status != 200 or answer.data != echo.encode():
            raise AddressRefusedError(f"{url} answered {answer.status} and not the echostr: token验证失败")
        address = Address(url, Style(mode, style_format))
        with self._lock:
            self._addresses[appid] = address
        return address

    def secrets(self, appid: str) -> PushSecrets:
        """What the app's console shows."""
        return load_push_secrets(self._credentials.directory, appid)

    def openid(self, appid: str) -> str:
        """From whom events come that no user caused."""
        return derive_openid(self._credentials.openid_secret, "platform", appid)

    def event(self, appid: str, event: str, fields: Mapping[str, object]) -> Pushed | None:
        """Push an event, if the app has an address."""
        envelope = {
            "ToUserName": f"gh_{appid[2:14]}",
            "FromUserName": self.openid(appid),
            "CreateTime": int(self._clock.now()),
            "MsgType": "event",
            "Event": event,
        }
        return self.push(appid, {**envelope, **fields})

    def push(self, appid: str, fields: Mapping[str, object]) -> Pushed | None:
        """Push these very fields."""
        with self._lock:
            if appid not in self._addresses:
                return None
            held = self._mischief.take_push("hold") is not None
            pushed = Pushed(secrets.token_hex(8), appid, dict(fields), HELD if held else WAITING)
            self._pushed[pushed.id] = pushed
            if held:
                return pushed
            self._busy += 1
        self._pool.submit(self._carry, pushed)
        return pushed

    def send(self, push_id: str, *, times: int) -> list[Reply] | None:
        """Send one now, however often it was sent before; None for an unknown one."""
        with self._lock:
            pushed = self._pushed.get(push_id)
        if pushed is None:
            return None
        return [self._try(pushed, Twist()) for _ in range(times)]

    def forge(self, appid: str, text: str, twist: Twist) -> Reply:
        """Send a made-up text in the app's style, right or wrong; the world's own pushes do not change."""
        return self._post(appid, text, twist)

    def everything(self) -> list[Pushed]:
        """All of them, newest first."""
        with self._lock:
            return list(reversed(self._pushed.values()))

    def wait_quiet(self, seconds: float) -> bool:
        """Wait until nothing is on its way; whether that came about in time (real seconds)."""
        ends = time.monotonic() + seconds
        while True:
            with self._lock:
                if not self._busy:
                    return True
            if time.monotonic() >= ends:
                return False
            time.sleep(WAIT_STEP_S)

    def style(self, appid: str) -> Style | None:
        """How an app's pushes look, once it has an address."""
        with self._lock:
            address = self._addresses.get(appid)
        return None if address is None else address.style

    def _carry(self, pushed: Pushed) -> None:
        try:
            if self._mischief.take_push("lose") is not None:
                self._mark(pushed.id, GIVEN_UP)
                return
            for _ in range(TRIES_MAX):
                if self._told_once(pushed):
                    return
            self._mark(pushed.id, GIVEN_UP)
        finally:
            with self._lock:
                self._busy -= 1

    def _told_once(self, pushed: Pushed) -> bool:
        take = self._mischief.take_push
        copies, stale = take("duplicate"), take("stale_s")
        twist = Twist(
            timestamp_offset_s=-int(stale.amount) if stale else 0,
            tamper=take("tamper") is not None,
        )
        replies = [self._try(pushed, twist) for _ in range(int(copies.amount) if copies else 1)]
        return any(_accepted(reply) for reply in replies)

    def _try(self, pushed: Pushed, twist: Twist) -> Reply:
        style = self.style(pushed.appid)
        text = message_text(pushed.fields, style.format if style else "xml")
        reply = self._post(pushed.appid, text, twist)
        with self._lock:
            known = self._pushed.get(pushed.id)
            if known is not None:
                state = TOLD if _accepted(reply) else known.state
                self._pushed[pushed.id] = replace(known, state=state, replies=(*known.replies, reply))
        return reply

    def _post(self, appid: str, text: str, twist: Twist) -> Reply:
        with self._lock:
            address = self._addresses.get(appid)
        if address is None:
            raise ValueError(f"{appid} has no address: set one at /_desk/apps/{appid}/push")
        sent = letter(
            text, appid=appid, openid=self.openid(appid), style=address.style, keys=self.secrets(appid), twist=twist
        )
        kind = "application/json" if address.style.format == "json" else "text/xml"
        return self._sender.post(f"{address.url}?{urlencode(sent.query)}", sent.body, {"Content-Type": kind})

    def _mark(self, push_id: str, state: str) -> None:
        with self._lock:
            known = self._pushed.get(push_id)
            if known is not None:
                self._pushed[push_id] = replace(known, state=state)


def _accepted(reply: Reply) -> bool:
    return reply.status == 200 and reply.excerpt in ("success", "")

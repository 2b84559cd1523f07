"""WeChat's platform, a clock and an app as plain objects, for tests of what is built on access tokens."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

import orjson

from wxbackend.domain.terminal import AppKind
from wxbackend.ports.accounts import App
from wxbackend.ports.provider import Exchange, Reply

T = TypeVar("T")
NOON_MS: Final = 1_795_060_800_000
"""Some day at 12:00 in Beijing."""
STABLE: Final = "/cgi-bin/stable_token"
TICKET: Final = "/cgi-bin/ticket/getticket"
SECRET: Final = "an-app-secret-of-32-characters-xx"


def an_app(**changes: Any) -> App:
    """An official account."""
    members: dict[str, Any] = {
        "appid": "wx2421b1c4370ec43b",
        "kind": AppKind.OFFICIAL_ACCOUNT,
        "account": "acct_test",
        "livemode": False,
        "provider": "wechat_v3",
        "merchant": "1900000109",
        "secret": SECRET,
    }
    return App(**members | changes)


@dataclass
class FakeSurroundings:
    """Time that passes only when somebody waits, and nonces that count."""

    now: int = NOON_MS
    count: int = 0
    waited_s: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.now

    def new_id(self) -> int:
        self.count += 1
        return self.count

    def nonce(self) -> str:
        self.count += 1
        return f"nonce{self.count:027}"

    def token(self) -> str:
        return self.nonce()

    def wait(self, seconds: float) -> None:
        self.waited_s.append(seconds)
        self.now += int(seconds * 1000)

    def pass_s(self, seconds: int) -> None:
        """Let time pass without anybody waiting."""
        self.now += seconds * 1000


@dataclass
class FakePlatform:
    """A transport that answers as WeChat does, after `next_answers`; `while_sending` happens meanwhile."""

    surroundings: FakeSurroundings
    token: str = "token-0"
    expires_in: int = 7200
    good: set[str] = field(default_factory=set)
    next_answers: dict[str, deque[Any]] = field(default_factory=dict)
    while_sending: Callable[[str], None] | None = None
    calls: Counter[str] = field(default_factory=Counter)
    sent: list[Exchange[Any]] = field(default_factory=list)

    def say(self, path: str, *answers: Any) -> None:
        """Answer the next calls of a path like this: an errcode, an object, or an exception to raise."""
        self.next_answers.setdefault(path, deque()).extend(answers)

    def renew(self) -> None:
        """The next call of stable_token gives a new token; the former stays good."""
        self.token = f"token-{len(self.good) + 1}"

    def send(self, exchange: Exchange[T]) -> T:
        path = urlsplit(exchange.target).path
        self.calls[path] += 1
        self.sent.append(exchange)
        meanwhile, self.while_sending = self.while_sending, None
        if meanwhile is not None:
            meanwhile(path)
        waiting = self.next_answers.get(path)
        answer = waiting.popleft() if waiting else self._own(path, exchange)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            answer = {"errcode": answer, "errmsg": f"no, ip 192.0.2.7 {SECRET} rid: 0a1b2c3d-4e5f6071-8293a4b5"}
        return exchange.read(Reply(200, {"content-type": "text/plain"}, orjson.dumps(answer)))

    def _own(self, path: str, exchange: Exchange[Any]) -> dict[str, Any]:
        if path == STABLE:
            self.good.add(self.token)
            return {"access_token": self.token, "expires_in": self.expires_in}
        given = parse_qs(urlsplit(exchange.target).query).get("access_token", [""])[0]
        if given not in self.good:
            return {"errcode": 40001, "errmsg": "invalid credential"}
        if path == TICKET:
            return {"errcode": 0, "errmsg": "ok", "ticket": f"ticket of {given}", "expires_in": 7200}
        return {"errcode": 0, "errmsg": "ok", "with": given}

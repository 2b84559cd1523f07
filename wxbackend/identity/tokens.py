"""One access token for each appid, for all processes and machines; a call with it is repeated once at most.

Reference: WeChat platform, access_token. `stable_token` without force gives everybody the current token,
and a new one in the last five minutes of its life, while the former lives on for those who still have it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import orjson

from wxbackend.domain.errors import ProviderUnknown
from wxbackend.identity.answers import read_success, tell
from wxbackend.identity.errcodes import Policy, pause_s, policy_of, refusal
from wxbackend.identity.single_flight import Fetched, SingleFlight
from wxbackend.ports.accounts import App
from wxbackend.ports.coordination import Coordination
from wxbackend.ports.identity import AppMisconfigured, PlatformBusy, PlatformRefused, TokenRejected
from wxbackend.ports.provider import Exchange, Hosts, Reply, Transport
from wxbackend.ports.surroundings import Surroundings

T = TypeVar("T")

PLATFORM_URL: Final = "https://api.weixin.qq.com"
TOKEN_PATH: Final = "/cgi-bin/stable_token"  # noqa: S105 - a path, not a secret
CREDENTIAL_CHARACTERS_MAX: Final = 512
WRONG_SECRET: Final = 40125
EXPIRES_IN_S_MAX: Final = 7_200
BUSY_REPEATS_MAX: Final = 3
BUSY_WAIT_S: Final = 0.2
JITTER_PARTS: Final = 1_009
_HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json"}


class AccessTokens:
    """Hands out tokens and makes calls with them. Raises `ProviderError` and `CoordinationAway`."""

    def __init__(
        self,
        transport: Transport,
        coordination: Coordination,
        surroundings: Surroundings,
        flight: SingleFlight,
    ) -> None:
        self._transport = transport
        self._coordination = coordination
        self._surroundings = surroundings
        self._flight = flight

    def token(self, app: App) -> str:
        """A token that is good for some seconds at least."""
        return self._flight.current(shared_name("access_token", app), lambda: self._fetch(app)).value

    def call_with_token(self, app: App, build: Callable[[str], Exchange[T]]) -> T:
        """Send what `build` makes of a token; if WeChat does not take the token, once more with another.

        `build` gives exchanges whose reader raises by `answers.read_success`. The second token is
        what another process fetched meanwhile, or is fetched now, once. Then `TokenRejected` is the answer.
        """
        name = shared_name("access_token", app)
        credential = self._flight.current(name, lambda: self._fetch(app))
        try:
            return self._send(app, build(credential.value))
        except TokenRejected:
            credential = self._flight.replacement(name, lambda: self._fetch(app), credential)
        return self._send(app, build(credential.value))

    def _fetch(self, app: App) -> Fetched:
        asked = {
            "grant_type": "client_credential",
            "appid": app.appid,
            "secret": app.secret,
            "force_refresh": False,
        }
        exchange = Exchange(
            purpose="access_token",
            method="POST",
            hosts=platform_hosts(app),
            target=TOKEN_PATH,
            headers=_HEADERS,
            body=orjson.dumps(asked),
            read=lambda reply: _read_token(reply, app.appid),
        )
        return self._patiently(exchange)

    def _send(self, app: App, exchange: Exchange[T]) -> T:
        """One call of ours, unless its quota was used up before."""
        name = shared_name(f"quota:{exchange.purpose}", app)
        stopped = self._coordination.get(name)
        if stopped is not None:
            raise refusal(int(stopped))
        try:
            return self._patiently(exchange)
        except PlatformRefused as refused:
            if policy_of(refused.errcode) in (Policy.STOP_TODAY, Policy.SLOW_DOWN):
                seconds = pause_s(refused.errcode, self._surroundings.now_ms())
                self._coordination.put(name, str(refused.errcode), ttl_s=seconds)
            raise

    def _patiently(self, exchange: Exchange[T]) -> T:
        """Send it, and again while WeChat is busy; each wait is longer, and no two processes wait alike."""
        for number in range(BUSY_REPEATS_MAX):
            try:
                return self._transport.send(exchange)
            except PlatformBusy:
                self._surroundings.wait(BUSY_WAIT_S * 2**number * (1 + self._chance()))
        return self._transport.send(exchange)

    def _chance(self) -> float:
        """Between 0 and 1, from the surroundings' chance."""
        return int.from_bytes(self._surroundings.nonce().encode()) % JITTER_PARTS / JITTER_PARTS


def platform_hosts(app: App) -> Hosts:
    """Where the app's platform listens."""
    return Hosts(app.platform_url or PLATFORM_URL)


def shared_name(kind: str, app: App) -> str:
    """Under which processes share something of an app; the same appid at a simulator is another app."""
    place = hashlib.sha256(platform_hosts(app).main.encode()).hexdigest()[:8]
    return f"{kind}:{app.appid}:{place}"


def read_credential(answer: Mapping[str, Any], member: str) -> Fetched:
    """A credential and its life out of an answer; raises `ProviderUnknown` when they are not what they should be."""
    value, expires_in_s = answer.get(member), answer.get("expires_in")
    if not isinstance(value, str) or not 0 < len(value) <= CREDENTIAL_CHARACTERS_MAX:
        raise ProviderUnknown(f"WeChat's answer holds no {member}")
    if not isinstance(expires_in_s, int) or expires_in_s <= 0:
        raise ProviderUnknown(f"WeChat's answer does not say how long its {member} lasts")
    return Fetched(value, min(expires_in_s, EXPIRES_IN_S_MAX))


def _read_token(reply: Reply, appid: str) -> Fetched:
    try:
        return read_credential(read_success(reply, "access_token", appid=appid), "access_token")
    except TokenRejected as error:
        # No token was sent: where a token is asked for, 40001 means a wrong AppSecret.
        tell(WRONG_SECRET, "", purpose="access_token", appid=appid)
        raise AppMisconfigured(WRONG_SECRET) from error

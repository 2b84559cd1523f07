"""Access tokens of apps; classic and stable do not disturb each other (reference: WeChat access_token)."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, replace

from wxbackend.simulators.clock import Clock
from wxbackend.simulators.wechat_platform.rate import Rate

LIFETIME_S = 7200
OVERLAP_S = 300
CLASSIC_PER_DAY_MAX = 2000
STABLE_PER_MINUTE_MAX = 10_000
FORCED_PER_DAY_MAX = 20
FORCED_APART_S = 30
DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the virtual second at which it dies."""

    appid: str
    value: str
    expires_at: float


class QuotaReachedError(Exception):
    """Too many tokens asked for (45009, or 45011 per minute)."""

    def __init__(self, errcode: int) -> None:
        super().__init__(str(errcode))
        self.errcode = errcode


class Tokens:
    """All access tokens."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}
        self._classic: dict[str, Token] = {}
        self._stable: dict[str, Token] = {}
        self._classic_rate = Rate(clock, limit=CLASSIC_PER_DAY_MAX, window_s=DAY_S)
        self._stable_rate = Rate(clock, limit=STABLE_PER_MINUTE_MAX, window_s=60)
        self._forced_rate = Rate(clock, limit=FORCED_PER_DAY_MAX, window_s=DAY_S)
        self._apart_rate = Rate(clock, limit=1, window_s=FORCED_APART_S)

    def classic(self, appid: str) -> tuple[str, int]:
        """A new token and its life in seconds; the former lives five more minutes at most."""
        if not self._classic_rate.allow(appid):
            raise QuotaReachedError(45009)
        with self._lock:
            self._shorten(self._classic.get(appid), OVERLAP_S)
            token = self._classic[appid] = self._new(appid)
            return token.value, LIFETIME_S

    def stable(self, appid: str, *, force: bool) -> tuple[str, int]:
        """The current token and what is left of its life; forced, a new one, and the former dies at once."""
        if not self._stable_rate.allow(appid):
            raise QuotaReachedError(45011)
        if force and not (self._apart_rate.allow(appid) and self._forced_rate.allow(appid)):
            raise QuotaReachedError(45009)
        with self._lock:
            token = self._stable.get(appid)
            remaining_s = token.expires_at - self._clock.now() if token else 0
            if force:
                self._shorten(token, 0)
            if token is None or force or remaining_s <= OVERLAP_S:
                token = self._stable[appid] = self._new(appid)
                remaining_s = LIFETIME_S
            return token.value, int(remaining_s)

    def verdict(self, value: str | None, appid: str | None = None) -> int:
        """0 for a living token, else 41001 missing, 40001 unknown or another app's, 42001 expired."""
        if not value:
            return 41001
        with self._lock:
            token = self._tokens.get(value)
        if token is None or (appid is not None and token.appid != appid):
            return 40001
        return 0 if self._clock.now() < token.expires_at else 42001

    def _new(self, appid: str) -> Token:
        token = Token(appid, secrets.token_urlsafe(96), self._clock.now() + LIFETIME_S)
        self._tokens[token.value] = token
        return token

    def _shorten(self, token: Token | None, seconds: float) -> None:
        if token is not None:
            ends = min(token.expires_at, self._clock.now() + seconds)
            self._tokens[token.value] = replace(token, expires_at=ends)

"""Access tokens and jsapi tickets of apps; classic and stable tokens do not disturb each other.

Reference: WeChat access_token, jsapi_ticket. How often a ticket may be asked for is not published; see the README.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from wxbackend.simulators.clock import Clock
from wxbackend.simulators.wechat_platform.rate import Rate

LIFETIME_S = 7200
OVERLAP_S = 300
CLASSIC_PER_DAY_MAX = 2000
STABLE_PER_MINUTE_MAX = 10_000
FORCED_PER_DAY_MAX = 20
FORCED_APART_S = 30
TICKETS_PER_DAY_MAX = 1000
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
        self._tickets: dict[str, Token] = {}
        self._fetches: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._ticket_rate = Rate(clock, limit=TICKETS_PER_DAY_MAX, window_s=DAY_S)
        self._apart_rate = Rate(clock, limit=1, window_s=FORCED_APART_S)

    def classic(self, appid: str) -> tuple[str, int]:
        """A new token and its life in seconds; the former lives five more minutes at most."""
        if not self._classic_rate.allow(appid):
            raise QuotaReachedError(45009)
        with self._lock:
            self._fetches[appid]["classic"] += 1
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
            self._fetches[appid]["forced" if force else "stable"] += 1
            token = self._stable.get(appid)
            remaining_s = token.expires_at - self._clock.now() if token else 0
            if force:
                self._shorten(token, 0)
            if token is None or force or remaining_s <= OVERLAP_S:
                token = self._stable[appid] = self._new(appid)
                remaining_s = LIFETIME_S
            return token.value, int(remaining_s)

    def ticket(self, appid: str) -> tuple[str, int]:
        """The current jsapi ticket and what is left of its life; a new one in the last five minutes."""
        if not self._ticket_rate.allow(appid):
            raise QuotaReachedError(45009)
        with self._lock:
            self._fetches[appid]["ticket"] += 1
            kept = self._tickets.get(appid)
            if kept is None or kept.expires_at - self._clock.now() <= OVERLAP_S:
                kept = self._tickets[appid] = Token(appid, secrets.token_urlsafe(64), self._clock.now() + LIFETIME_S)
            return kept.value, int(kept.expires_at - self._clock.now())

    def signed(self, appid: str, *, noncestr: str, timestamp: str, url: str) -> str | None:
        """The JS-SDK signature that WeChat would expect of a page; None while no ticket lives."""
        with self._lock:
            kept = self._tickets.get(appid)
            if kept is None or kept.expires_at <= self._clock.now():
                return None
        page = url.partition("#")[0]
        members = {"jsapi_ticket": kept.value, "noncestr": noncestr, "timestamp": timestamp, "url": page}
        text = "&".join(f"{name}={members[name]}" for name in sorted(members))
        return hashlib.sha1(text.encode("utf-8"), usedforsecurity=False).hexdigest()

    def fetches(self) -> dict[str, dict[str, int]]:
        """How often each app was given a token or ticket, by kind."""
        with self._lock:
            return {appid: dict(counted) for appid, counted in self._fetches.items()}

    def revoke(self, appid: str) -> None:
        """Make all tokens of an app invalid at once, as a new AppSecret does."""
        with self._lock:
            self._tokens = {value: token for value, token in self._tokens.items() if token.appid != appid}
            self._stable.pop(appid, None)
            self._classic.pop(appid, None)

    def owner(self, value: str) -> str:
        """The app of a token that was given out."""
        with self._lock:
            return self._tokens[value].appid

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

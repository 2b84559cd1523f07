"""Login codes and web access tokens: a code is good once, for five minutes, for one app."""

from __future__ import annotations

import base64
import secrets
import threading
from dataclasses import dataclass, replace

from wxbackend.simulators.buyers import Buyer, derive_openid
from wxbackend.simulators.clock import Clock
from wxbackend.simulators.wechat_platform.rate import Rate

OAUTH, MINI_PROGRAM = "oauth", "mini_program"
SCOPES = ("snsapi_base", "snsapi_userinfo")
CODE_LIFETIME_S = 300
TOKEN_LIFETIME_S = 7200
REFRESH_LIFETIME_S = 30 * 86400
MINI_LOGINS_PER_MINUTE_MAX = 100
CALLBACKS_REMEMBERED_MAX = 100


@dataclass(frozen=True, slots=True)
class Code:
    """One login code; `snapshot` means that a virtual user stands behind it."""

    code: str
    kind: str
    appid: str
    buyer_id: str
    scope: str
    snapshot: bool
    created_at: float
    used: bool = False


@dataclass(frozen=True, slots=True)
class WebSession:
    """What a web code was exchanged for."""

    appid: str
    buyer_id: str
    openid: str
    scope: str
    snapshot: bool
    access_token: str
    refresh_token: str
    created_at: float
    renewed_at: float


class CodeRefusedError(Exception):
    """The code or token cannot be used; `errcode` says why."""

    def __init__(self, errcode: int) -> None:
        super().__init__(str(errcode))
        self.errcode = errcode


class Logins:
    """Codes, web sessions and the callbacks that carried codes."""

    def __init__(self, clock: Clock, secret: bytes) -> None:
        self._clock = clock
        self._secret = secret
        self._lock = threading.Lock()
        self._codes: dict[str, Code] = {}
        self._by_access: dict[str, WebSession] = {}
        self._by_refresh: dict[str, WebSession] = {}
        self._callbacks: list[str] = []
        self._session_keys: dict[tuple[str, str], str] = {}
        self._mini_rate = Rate(clock, limit=MINI_LOGINS_PER_MINUTE_MAX, window_s=60)

    def issue(self, *, kind: str, appid: str, buyer: Buyer, scope: str, snapshot: bool) -> str:
        """A fresh code."""
        code = "0" + secrets.token_urlsafe(24)[:31]
        with self._lock:
            self._codes[code] = Code(code, kind, appid, buyer.id, scope, snapshot, self._clock.now())
        return code

    def redeem(self, code: str, *, kind: str, appid: str) -> Code:
        """Use a code up. Raises CodeRefusedError 40029 unknown, 40163 used, 42003 (web) or 40029 (mini) expired."""
        with self._lock:
            found = self._codes.get(code)
            if found is None or found.kind != kind or found.appid != appid:
                raise CodeRefusedError(40029)
            if found.used:
                raise CodeRefusedError(40163)
            if self._clock.now() >= found.created_at + CODE_LIFETIME_S:
                raise CodeRefusedError(42003 if kind == OAUTH else 40029)
            self._codes[code] = replace(found, used=True)
            return found

    def open_session(self, code: Code, buyer: Buyer) -> WebSession:
        """The web session for a redeemed code; a snapshot user's openid is nobody's and cannot pay."""
        openid = buyer.openids[code.appid]
        if code.snapshot:
            openid = derive_openid(self._secret, "snapshot", code.code)
        now = self._clock.now()
        session = WebSession(
            appid=code.appid,
            buyer_id=buyer.id,
            openid=openid,
            scope=code.scope,
            snapshot=code.snapshot,
            access_token=_token(),
            refresh_token=_token(),
            created_at=now,
            renewed_at=now,
        )
        with self._lock:
            self._by_access[session.access_token] = session
            self._by_refresh[session.refresh_token] = session
        return session

    def refresh(self, refresh_token: str, appid: str) -> WebSession:
        """The session with a fresh access token. Raises CodeRefusedError 40030 unknown, 42002 expired."""
        with self._lock:
            session = self._by_refresh.get(refresh_token)
            if session is None or session.appid != appid:
                raise CodeRefusedError(40030)
            if self._clock.now() >= session.created_at + REFRESH_LIFETIME_S:
                raise CodeRefusedError(42002)
            renewed = replace(session, access_token=_token(), renewed_at=self._clock.now())
            self._by_access[renewed.access_token] = renewed
            self._by_refresh[refresh_token] = renewed
            return renewed

    def session(self, access_token: str, openid: str) -> WebSession:
        """The session of an access token. Raises CodeRefusedError 40001, 42001 or 40003."""
        with self._lock:
            session = self._by_access.get(access_token)
        if session is None:
            raise CodeRefusedError(40001)
        if self._clock.now() >= session.renewed_at + TOKEN_LIFETIME_S:
            raise CodeRefusedError(42001)
        if session.openid != openid:
            raise CodeRefusedError(40003)
        return session

    def allow_mini_login(self, appid: str, buyer_id: str) -> bool:
        """Count a mini program login; False beyond the limit per user and minute."""
        return self._mini_rate.allow(f"{appid}|{buyer_id}")

    def new_session_key(self, appid: str, openid: str) -> str:
        """A session_key of sixteen bytes in base64; the former one of this user is forgotten."""
        key = base64.b64encode(secrets.token_bytes(16)).decode("ascii")
        with self._lock:
            self._session_keys[(appid, openid)] = key
        return key

    def remember_callback(self, url: str) -> None:
        """Keep a callback URL, so that the desk can visit it a second time."""
        with self._lock:
            self._callbacks = [*self._callbacks, url][-CALLBACKS_REMEMBERED_MAX:]

    def callbacks(self) -> list[str]:
        """Callback URLs handed out, newest first."""
        with self._lock:
            return list(reversed(self._callbacks))


def _token() -> str:
    return secrets.token_urlsafe(96)

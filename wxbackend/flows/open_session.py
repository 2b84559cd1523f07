"""Open a login session for a buyer and find it again by its token; only the token's hash is kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import App
from wxbackend.ports.identity import Identity
from wxbackend.ports.store import LoginSession

TOKEN_PREFIX = "ws_"  # noqa: S105 - a prefix, not a secret


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session; the token exists nowhere else."""

    token: str = field(repr=False)
    expires_ms: int
    livemode: bool


def hash_of(secret: str) -> str:
    """SHA-256 in hexadecimal: enough for secrets that are random themselves."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_token(deps: Dependencies) -> str:
    """A token that nobody can guess."""
    return TOKEN_PREFIX + deps.surroundings.token()


def open_session(deps: Dependencies, app: App, identity: Identity, *, token: str | None = None) -> OpenedSession:
    """Keep who logged in, for as long as the policy says, under a new token or the given one."""
    token, now_ms = token or new_token(deps), deps.surroundings.now_ms()
    expires_ms = now_ms + deps.policy.login_lasts_s * 1000
    session = LoginSession(
        token_hash=hash_of(token),
        account=app.account,
        livemode=app.livemode,
        appid=app.appid,
        openid=identity.openid,
        payable=not identity.is_snapshot,
        created_ms=now_ms,
        expires_ms=expires_ms,
    )
    deps.store.write(lambda unit: unit.logins.insert(session))
    return OpenedSession(token, expires_ms, app.livemode)


def find_session(deps: Dependencies, token: str | None) -> LoginSession | None:
    """The session of a token, expired or not; None for a token that is not ours."""
    if not token or not token.startswith(TOKEN_PREFIX):
        return None
    return deps.store.read(lambda unit: unit.logins.find(hash_of(token)))

"""A mini program's `wx.login` code becomes a login session; the session_key never leaves the identity room.

WeChat exchanges a code once. A log-in whose answer was lost is therefore sent again under the same
idempotency key: its token follows from the key and the code, so the session that the first try opened
is found by it, and neither the token nor the code has to be kept for that.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field

import orjson

from wxbackend.domain.errors import InvalidRequest, Rejected
from wxbackend.domain.terminal import AppKind
from wxbackend.flows.choose_app import choose_app
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import Once, claim, let_go
from wxbackend.flows.open_session import TOKEN_PREFIX, OpenedSession, find_session, new_token, open_session
from wxbackend.ports.accounts import Actor, App
from wxbackend.ports.identity import LoginRefused


@dataclass(frozen=True, slots=True)
class LogIn:
    """What the mini program sends, and the token that its session shall have."""

    code: str = field(repr=False)
    app_id: str | None
    token: str = field(repr=False)


def token_of(deps: Dependencies, once: Once, code: str) -> str:
    """A new token; the same one for the same code under the same idempotency key, and only for who knows both."""
    request = once.request
    if request is None:
        return new_token(deps)
    known = orjson.dumps(["login session", request.account, request.livemode, request.key, code])
    return TOKEN_PREFIX + hashlib.sha256(known).hexdigest()


def log_in_mini_program(
    deps: Dependencies, actor: Actor, login: LogIn, *, once: Once = Once()
) -> tuple[App, OpenedSession]:
    """The session for a code; raises `InvalidRequest` with WeChat's reason when the code is refused."""
    app = choose_app(deps, actor, AppKind.MINI_PROGRAM, login.app_id)
    if once.request is not None:
        deps.store.write(lambda unit: claim(unit, deps, once, object_id=None))
        opened = find_session(deps, login.token)
        if opened is not None:  # by the same request, whose process died before it could answer
            return app, OpenedSession(login.token, opened.expires_ms, opened.livemode)
    try:
        return app, _exchange(deps, app, login)
    except Rejected:
        raise
    except Exception:
        # No session was opened. The code may still be good, so the same request may come again.
        with suppress(Exception):
            let_go(deps, once)
        raise


def _exchange(deps: Dependencies, app: App, login: LogIn) -> OpenedSession:
    try:
        identity = deps.identity.exchange_mini_program_code(app, login.code)
    except LoginRefused as refused:
        raise InvalidRequest(refused.message, code=refused.code, param="code") from refused
    return open_session(deps, app, identity, token=login.token)

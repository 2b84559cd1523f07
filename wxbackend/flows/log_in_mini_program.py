"""A mini program's `wx.login` code becomes a login session; the session_key never leaves the identity room."""

from __future__ import annotations

from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.terminal import AppKind
from wxbackend.flows.choose_app import choose_app
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.open_session import OpenedSession, open_session
from wxbackend.ports.accounts import Actor, App
from wxbackend.ports.identity import LoginRefused


def log_in_mini_program(
    deps: Dependencies, actor: Actor, *, code: str, app_id: str | None
) -> tuple[App, OpenedSession]:
    """The session for a code; raises `InvalidRequest` with WeChat's reason when the code is refused."""
    app = choose_app(deps, actor, AppKind.MINI_PROGRAM, app_id)
    try:
        identity = deps.identity.exchange_mini_program_code(app, code)
    except LoginRefused as refused:
        raise InvalidRequest(refused.message, code=refused.code, param="code") from refused
    return app, open_session(deps, app, identity)

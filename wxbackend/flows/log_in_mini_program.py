"""A mini program's `wx.login` code becomes a login session; the session_key never leaves the identity room."""

from __future__ import annotations

from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.terminal import AppKind
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.open_session import OpenedSession, open_session
from wxbackend.ports.accounts import Actor, App
from wxbackend.ports.identity import LoginRefused


def choose_app(deps: Dependencies, actor: Actor, kind: AppKind, named: str | None) -> App:
    """The account's app of that kind; `named` decides when there are several."""
    apps = [app for app in deps.accounts.apps(actor.account, livemode=actor.livemode) if app.kind is kind]
    fitting = [app for app in apps if named in (None, app.appid)]
    if len(fitting) == 1:
        return fitting[0]
    if named is not None:
        why, code = f"app_id is not a {kind.value} of this account.", "parameter_invalid"
    elif not fitting:
        why = f"This account has no {kind.value} app; add one under [[accounts.apps]] in the settings."
        code = "parameter_missing"
    else:
        why, code = f"This account has several {kind.value} apps; name one.", "parameter_missing"
    raise InvalidRequest(why, code=code, param="app_id")


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

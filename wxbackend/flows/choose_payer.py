"""Who pays, in which app: from the merchant's server, or from the buyer's own login session, never mixed."""

from __future__ import annotations

from dataclasses import dataclass

from wxbackend.domain.errors import InvalidRequest, Rejected
from wxbackend.domain.intent import PaymentMethod
from wxbackend.domain.terminal import APP_KIND, Terminal
from wxbackend.flows.choose_app import choose_app
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor, App, KeyKind
from wxbackend.ports.store import LoginSession

WECHAT_PAY = "payment_method_options[wechat_pay]"
OPENID_PARAM = f"{WECHAT_PAY}[openid]"
TERMINAL_PARAM = f"{WECHAT_PAY}[terminal_type]"
APP_PARAM = f"{WECHAT_PAY}[app_id]"


class LoginNeeded(Rejected):
    """The buyer's side has to log in (again) before it may confirm."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, where."""

    terminal: Terminal
    app: App
    openid: str


def from_session(
    deps: Dependencies, actor: Actor, method: PaymentMethod, session: LoginSession | None, *, now_ms: int
) -> Payer:
    """The payer that logged in with us; a body cannot name another."""
    if method.openid is not None:
        raise InvalidRequest(
            "The buyer's side can't name an openid; it comes from the buyer's own login.",
            code="parameter_unknown",
            param=OPENID_PARAM,
        )
    if session is None or session.expires_ms <= now_ms or not _same_owner(session, actor):
        raise LoginNeeded(
            "The buyer has to log in first: official-account pages at /v1/wechat/oauth/start, "
            "mini programs at /v1/wechat/mini_program/login.",
            code="login_required",
        )
    if not session.payable:
        raise LoginNeeded(
            "WeChat gave this page a stand-in user (snapshot mode) that can't pay. "
            "Ask the buyer to tap “use full service” at the bottom of the page and log in again.",
            code="snapshot_user_may_not_pay",
        )
    app = next((app for app in _apps(deps, actor) if app.appid == session.appid), None)
    if app is None:
        raise LoginNeeded("The app of this login no longer belongs to the shop.", code="login_required")
    terminal = method.terminal or Terminal(app.kind.value)
    if APP_KIND[terminal] is not app.kind:
        raise InvalidRequest(
            f"The buyer logged in through a {app.kind.value}; terminal_type must be {app.kind.value}.",
            code="parameter_invalid_enum",
            param=TERMINAL_PARAM,
        )
    return Payer(terminal, app, session.openid)


def from_merchant(deps: Dependencies, actor: Actor, method: PaymentMethod) -> Payer:
    """The payer that the merchant's server names."""
    if method.terminal is None:
        raise InvalidRequest(
            "terminal_type is needed to confirm: official_account or mini_program.",
            code="parameter_missing",
            param=TERMINAL_PARAM,
        )
    if method.openid is None:
        raise InvalidRequest(
            "openid is needed to confirm with a secret key: the buyer's openid in the app that is paying.",
            code="parameter_missing",
            param=OPENID_PARAM,
        )
    return Payer(
        method.terminal, choose_app(deps, actor, APP_KIND[method.terminal], method.app, param=APP_PARAM), method.openid
    )


def actor_may_name(actor: Actor) -> bool:
    """Whether this key may name an openid."""
    return actor.kind is KeyKind.SECRET


def _same_owner(session: LoginSession, actor: Actor) -> bool:
    return session.account == actor.account and session.livemode == actor.livemode


def _apps(deps: Dependencies, actor: Actor) -> tuple[App, ...]:
    return deps.accounts.apps(actor.account, livemode=actor.livemode)

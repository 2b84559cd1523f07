"""Who pays, in which app: from the merchant's server, or from the buyer's own login session, never mixed.

A QR code, a page outside WeChat and an app of the merchant's are paid by whoever opens them first: nobody is named.
"""

from __future__ import annotations

from dataclasses import dataclass

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.client_address import buyers_address
from wxbackend.domain.errors import InvalidRequest, Rejected
from wxbackend.domain.intent import PaymentMethod
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.domain.terminal import APP_KINDS, NEEDS_PAYER, SPELLINGS, TERMINAL_OF_LOGIN, Terminal
from wxbackend.flows.choose_app import choose_any_app, choose_app_of
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.return_address import whole_address
from wxbackend.ports.accounts import Actor, App, KeyKind
from wxbackend.ports.provider import Provider
from wxbackend.ports.store import LoginSession

WECHAT_PAY = "payment_method_options[wechat_pay]"
CODE_PARAM = "payment_method_data[wechat_pay][payment_code]"
OPENID_PARAM = f"{WECHAT_PAY}[openid]"
TERMINAL_PARAM = f"{WECHAT_PAY}[terminal_type]"
APP_PARAM = f"{WECHAT_PAY}[app_id]"
CLIENT_IP_PARAM = f"{WECHAT_PAY}[client_ip]"


class LoginNeeded(Rejected):
    """The buyer's side has to log in (again) before it may confirm."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, where; `openid` is empty where whoever comes first pays."""

    terminal: Terminal
    app: App
    openid: str = ""
    client_ip: str | None = None
    os_type: str | None = None
    return_url: str | None = None
    code: PaymentCode | None = None

    def is_missing(self) -> bool:
        """Whether the order has to name somebody, and does not."""
        return self.terminal in NEEDS_PAYER and not self.openid

    def ordered(self, attempt: Attempt) -> bool:
        """Whether that order is for this payer, in this place; what a browser calls itself changes nothing."""
        there = (attempt.payer, attempt.app, attempt.terminal, attempt.client_ip, attempt.return_url)
        return there == (self.openid, self.app.appid, self.terminal, self.client_ip, self.return_url)


def choose_payer(
    deps: Dependencies, actor: Actor, method: PaymentMethod, session: LoginSession | None, *, return_url: str | None
) -> Payer:
    """The payer of an order that is about to be made; `InvalidRequest` names what is missing or too much."""
    if method.terminal is not None and method.terminal not in NEEDS_PAYER:
        return _whoever_comes(deps, actor, method, method.terminal, return_url=return_url)
    if actor_may_name(actor):
        return from_merchant(deps, actor, method)
    return from_session(deps, actor, method, session, now_ms=deps.surroundings.now_ms())


def _whoever_comes(
    deps: Dependencies, actor: Actor, method: PaymentMethod, terminal: Terminal, *, return_url: str | None
) -> Payer:
    if method.openid:
        raise InvalidRequest(
            f"openid is not taken with terminal_type {terminal.value}: whoever opens the order first pays it.",
            code="parameter_unknown",
            param=OPENID_PARAM,
        )
    app = choose_app_of(deps, actor, APP_KINDS[terminal], method.app, param=APP_PARAM)
    if terminal is not Terminal.WAP:
        return Payer(terminal, app)
    if method.client_ip is None:
        raise InvalidRequest(
            "client_ip is needed with terminal_type WAP: the buyer's own address on the Internet.",
            code="parameter_missing",
            param=CLIENT_IP_PARAM,
        )
    allow_private = deps.policy.allow_private_client_ips
    return Payer(
        terminal,
        app,
        client_ip=buyers_address(method.client_ip, param=CLIENT_IP_PARAM, allow_private=allow_private),
        os_type=method.os_type,
        return_url=whole_address(return_url) if return_url else None,
    )


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
    terminal = method.terminal or TERMINAL_OF_LOGIN[app.kind]
    if app.kind not in APP_KINDS[terminal]:
        raise InvalidRequest(
            f"The buyer logged in through a {app.kind.value}; terminal_type must be {app.kind.value}.",
            code="parameter_invalid_enum",
            param=TERMINAL_PARAM,
        )
    return Payer(terminal, app, session.openid)


def from_code(deps: Dependencies, actor: Actor, method: PaymentMethod, code: PaymentCode | None) -> Payer:
    """Whoever holds the phone that the shop scanned; any app of the account that pays to the same number will do."""
    if not actor_may_name(actor):
        raise InvalidRequest(
            "The buyer's side can't scan a payment code: confirm SCAN_CODE with a secret key.",
            code="parameter_invalid",
            param=TERMINAL_PARAM,
        )
    if method.terminal is not Terminal.SCAN_CODE:
        raise InvalidRequest(
            "A payment_code is charged with terminal_type SCAN_CODE only.", code="parameter_invalid", param=CODE_PARAM
        )
    if method.openid:
        raise InvalidRequest(
            "SCAN_CODE takes no openid: the payment code says who pays. Leave openid out.",
            code="parameter_unknown",
            param=OPENID_PARAM,
        )
    if code is None:
        raise InvalidRequest(
            "payment_code is needed to confirm SCAN_CODE: the 18 digits of the buyer's payment code. "
            "It is not kept, so send it with every confirm.",
            code="parameter_missing",
            param=CODE_PARAM,
        )
    return Payer(Terminal.SCAN_CODE, choose_any_app(deps, actor, method.app, param=APP_PARAM), code=code)


def provider_of(deps: Dependencies, payer: Payer) -> Provider:
    """The adapter of the merchant number that the payer pays to; for payment codes the one that charges them."""
    if payer.code is None:
        provider = deps.providers.of(payer.app.provider, payer.app.merchant)
        if provider is None:
            raise InvalidRequest(
                "The app's merchant number is not in the settings.", code="payment_method_not_available"
            )
        return provider
    provider = deps.providers.charging_codes(payer.app.merchant)
    if provider is None:
        raise InvalidRequest(
            "The merchant number of this account charges no payment codes: name its apiv2_key_file in the settings, "
            "or set v3_codepay = true where WeChat has opened that.",
            code="payment_method_not_available",
            param=TERMINAL_PARAM,
        )
    return provider


def from_merchant(deps: Dependencies, actor: Actor, method: PaymentMethod) -> Payer:
    """The payer that the merchant's server names."""
    if method.terminal is None:
        raise InvalidRequest(
            f"terminal_type is needed to confirm: one of {SPELLINGS}.",
            code="parameter_missing",
            param=TERMINAL_PARAM,
        )
    if method.openid is None:
        raise InvalidRequest(
            "openid is needed to confirm with a secret key: the buyer's openid in the app that is paying.",
            code="parameter_missing",
            param=OPENID_PARAM,
        )
    app = choose_app_of(deps, actor, APP_KINDS[method.terminal], method.app, param=APP_PARAM)
    return Payer(method.terminal, app, method.openid)


def actor_may_name(actor: Actor) -> bool:
    """Whether this key may name an openid."""
    return actor.kind is KeyKind.SECRET


def _same_owner(session: LoginSession, actor: Actor) -> bool:
    return session.account == actor.account and session.livemode == actor.livemode


def _apps(deps: Dependencies, actor: Actor) -> tuple[App, ...]:
    return deps.accounts.apps(actor.account, livemode=actor.livemode)

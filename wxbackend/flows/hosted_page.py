"""The page of ours that a merchant may send a buyer to: it logs the buyer in by OAuth, pays, and sends them back."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.intent import PaymentIntent, PaymentMethod
from wxbackend.domain.terminal import AppKind, Terminal
from wxbackend.flows.choose_app import choose_app
from wxbackend.flows.choose_payer import APP_PARAM, OPENID_PARAM, TERMINAL_PARAM, WECHAT_PAY
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.return_address import whole_address
from wxbackend.ports.accounts import Actor, App

PAGE_PATH: Final = "/pay/official_account"
HOSTED_PARAM: Final = f"{WECHAT_PAY}[hosted_oauth]"


def ask_for_page(
    deps: Dependencies, actor: Actor, intent: PaymentIntent, method: PaymentMethod
) -> tuple[PaymentMethod, App]:
    """The method with the page's address, and the app in which the buyer will log in.

    The address ends where the client secret begins: `intent` keeps that, and nothing else does.
    """
    if method.terminal not in (None, Terminal.OFFICIAL_ACCOUNT):
        raise InvalidRequest(
            "hosted_oauth is for terminal_type official_account: only there our page can log the buyer in.",
            code="parameter_invalid",
            param=TERMINAL_PARAM,
        )
    if intent.return_url is None:
        raise InvalidRequest(
            "hosted_oauth needs return_url: where the page sends the buyer after paying.",
            code="parameter_missing",
            param="return_url",
        )
    key = deps.accounts.publishable_key(actor.account, livemode=actor.livemode)
    if key is None:
        raise InvalidRequest(
            "hosted_oauth needs a publishable key of the account: add publishable_key_file in the settings.",
            code="payment_method_not_available",
            param=HOSTED_PARAM,
        )
    app = choose_app(deps, actor, AppKind.OFFICIAL_ACCOUNT, method.app, param=APP_PARAM)
    told = {"key": key, "app_id": app.appid, "return_url": whole_address(intent.return_url), "go_back": "1"}
    fragment = "&".join(f"{name}={quote(value, safe='')}" for name, value in told.items())
    page = f"{deps.policy.public_url}{PAGE_PATH}#{fragment}&client_secret="
    return replace(method, terminal=Terminal.OFFICIAL_ACCOUNT, openid=None, hosted_page=page), app


def check_wish(method: PaymentMethod, *, by_merchant: bool) -> None:
    """Only the merchant's server asks for the page, and who the buyer is comes from the log-in."""
    if not method.hosted_oauth:
        return
    if not by_merchant:
        raise InvalidRequest(
            "The buyer's side can't ask for hosted_oauth; the merchant's server does, with its secret key.",
            code="parameter_unknown",
            param=HOSTED_PARAM,
        )
    if method.openid:
        raise InvalidRequest(
            "Name an openid or ask for hosted_oauth, not both: the page logs the buyer in itself.",
            code="parameter_invalid",
            param=OPENID_PARAM,
        )

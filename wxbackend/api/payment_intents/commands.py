"""Checked parameters become the commands of flows; money is refused here if it is not money."""

from __future__ import annotations

from typing import Any, Final

from wxbackend.domain.intent import PaymentMethod
from wxbackend.domain.money import Money
from wxbackend.domain.terminal import parse_terminal
from wxbackend.flows.choose_payer import TERMINAL_PARAM
from wxbackend.flows.create_intent import Create
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.update_intent import Update

_TEXTS: Final = ("description", "merchant_order_id", "merchant_user_id", "customer", "return_url")


def to_create(deps: Dependencies, params: dict[str, Any]) -> Create:
    """The command to create."""
    return Create(
        money=Money(params["amount"], params["currency"].upper()),
        metadata={name: value for name, value in params.get("metadata", {}).items() if value != ""},
        method=method_of(deps, params),
        confirm=params.get("confirm", False),
        **{name: params.get(name) for name in _TEXTS},
    )


def to_update(deps: Dependencies, params: dict[str, Any]) -> Update:
    """The command to change."""
    amount, currency = params.get("amount"), params.get("currency")
    if amount is not None:
        Money(amount, "CNY")  # the amount's own limits, before the currency is known
    return Update(
        amount=amount,
        currency=currency.upper() if currency else None,
        texts={name: params[name] for name in _TEXTS if name in params},
        metadata=params.get("metadata"),
        method=method_of(deps, params),
    )


def method_of(deps: Dependencies, params: dict[str, Any]) -> PaymentMethod | None:
    """The payment method that the parameters name, or None when they name none."""
    data, options = params.get("payment_method_data"), params.get("payment_method_options")
    if data is None and options is None:
        return None
    wechat_pay = (options or {}).get("wechat_pay", {})
    terminal = wechat_pay.get("terminal_type")
    return PaymentMethod(
        id=deps.surroundings.new_id(),
        type="wechat_pay",
        created_ms=deps.surroundings.now_ms(),
        terminal=parse_terminal(terminal, param=TERMINAL_PARAM) if terminal else None,
        app=wechat_pay.get("app_id"),
        openid=wechat_pay.get("openid"),
        client_ip=wechat_pay.get("client_ip"),
        os_type=wechat_pay.get("os_type"),
    )

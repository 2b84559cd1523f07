"""Checked parameters become the commands of flows; money is refused here if it is not money."""

from __future__ import annotations

from typing import Any, Final

from wxbackend.domain import ids
from wxbackend.domain.errors import Forbidden, InvalidRequest
from wxbackend.domain.intent import PaymentMethod
from wxbackend.domain.money import Money
from wxbackend.domain.payment_code import PaymentCode, parse_code
from wxbackend.domain.terminal import Terminal, parse_terminal
from wxbackend.flows import charge_mandate
from wxbackend.flows.choose_payer import CODE_PARAM, TERMINAL_PARAM
from wxbackend.flows.create_intent import Create
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.update_intent import Update
from wxbackend.ports.accounts import Actor, KeyKind

_TEXTS: Final = ("description", "merchant_order_id", "merchant_user_id", "customer", "return_url")


def to_create(deps: Dependencies, actor: Actor, params: dict[str, Any]) -> Create:
    """The command to create."""
    confirm, code = params.get("confirm", False), code_of(params)
    if code is not None and not confirm:
        raise _code_unused()
    return Create(
        money=Money(params["amount"], params["currency"].upper()),
        metadata={name: value for name, value in params.get("metadata", {}).items() if value != ""},
        method=method_of(deps, actor, params),
        confirm=confirm,
        code=code,
        off_session=params.get("off_session", False),
        **{name: params.get(name) for name in _TEXTS},
    )


def to_update(deps: Dependencies, actor: Actor, params: dict[str, Any]) -> Update:
    """The command to change."""
    if code_of(params) is not None:
        raise _code_unused()
    amount, currency = params.get("amount"), params.get("currency")
    if amount is not None:
        Money(amount, "CNY")  # the amount's own limits, before the currency is known
    return Update(
        amount=amount,
        currency=currency.upper() if currency else None,
        texts={name: params[name] for name in _TEXTS if name in params},
        metadata=params.get("metadata"),
        method=method_of(deps, actor, params),
    )


def code_of(params: dict[str, Any]) -> PaymentCode | None:
    """The payment code that the shop scanned, or None."""
    text = params.get("payment_method_data", {}).get("wechat_pay", {}).get("payment_code")
    return parse_code(text, param=CODE_PARAM) if text else None


def _code_unused() -> InvalidRequest:
    return InvalidRequest(
        "A payment_code is charged at once and not kept: send it when you confirm, or create with confirm=true.",
        code="parameter_invalid",
        param=CODE_PARAM,
    )


def method_of(
    deps: Dependencies, actor: Actor, params: dict[str, Any], *, buyers_address: str | None = None
) -> PaymentMethod | None:
    """The payment method that the parameters name, or None when they name none.

    `buyers_address` is where a call of the buyer's own side came from; it stands in where the order needs one.
    """
    data, options = params.get("payment_method_data"), params.get("payment_method_options")
    named = params.get("payment_method")
    if named is not None:
        if data is not None or options is not None:
            raise InvalidRequest(
                "Name payment_method, or say in payment_method_data how the buyer pays; not both.",
                code="parameters_exclusive",
                param="payment_method",
            )
        if actor.kind is KeyKind.PUBLISHABLE:
            raise Forbidden("Only the merchant's server names a payment_method.", code="secret_key_required")
        return charge_mandate.name_method(deps, actor, ids.parse(ids.PAYMENT_METHOD, named, param="payment_method"))
    if data is None and options is None:
        return None
    wechat_pay = (options or {}).get("wechat_pay", {})
    terminal = wechat_pay.get("terminal_type")
    parsed = parse_terminal(terminal, param=TERMINAL_PARAM) if terminal else None
    client_ip = wechat_pay.get("client_ip")
    if client_ip is None and parsed is Terminal.WAP:
        client_ip = buyers_address
    return PaymentMethod(
        id=deps.surroundings.new_id(),
        type="wechat_pay",
        created_ms=deps.surroundings.now_ms(),
        terminal=parsed,
        app=wechat_pay.get("app_id"),
        openid=wechat_pay.get("openid"),
        client_ip=client_ip,
        os_type=wechat_pay.get("os_type"),
        profit_sharing=wechat_pay.get("profit_sharing", False),
        hosted_oauth=wechat_pay.get("hosted_oauth", False),
    )

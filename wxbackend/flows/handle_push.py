"""What is done about each event that WeChat pushes: a table by the event's name. Others are kept and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from wxbackend.domain.shipping import Shipping
from wxbackend.domain.shipping_lifecycle import Settled, SettlesAt
from wxbackend.flows import settle_shipping
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import App
from wxbackend.ports.pushes import Push
from wxbackend.ports.store import Unit

Handler = Callable[[Unit, Dependencies, App, Push], str]
"""Runs in the unit that keeps the push, calls nobody, and says what came of it."""


def handle_push(unit: Unit, deps: Dependencies, app: App, push: Push) -> str:
    """Do what the event asks for."""
    handler = HANDLERS.get(push.event) if push.kind == "event" else None
    return "kept only" if handler is None else handler(unit, deps, app, push)


def _order_settlement(unit: Unit, deps: Dependencies, app: App, push: Push) -> str:
    """WeChat says when the money gets free, or that it is.

    An event in plain mode proves only who sent something. Money is not set free by that: WeChat is asked.
    """
    shipping = _find(unit, app, push)
    if shipping is None:
        return "no such order"
    settled_s = _seconds(push, "settlement_time")
    if settled_s and push.sealed:
        settle_shipping.settle_shipping(unit, deps, shipping.id, Settled(settled_s * 1000))
        return "settled"
    planned_s = _seconds(push, "estimated_settlement_time")
    if planned_s and push.sealed:
        settle_shipping.settle_shipping(unit, deps, shipping.id, SettlesAt(planned_s * 1000))
    return _ask_soon(unit, deps, shipping)


def _remind_shipping(unit: Unit, deps: Dependencies, app: App, push: Push) -> str:
    """WeChat waits for the goods: look whether it knows of them, and tell the operator."""
    shipping = _find(unit, app, push)
    if shipping is None:
        return "no such order"
    structlog.get_logger("pushes").warning("shipping_awaited", appid=app.appid, shipping_id=shipping.id)
    return _ask_soon(unit, deps, shipping)


def _remind_access(_unit: Unit, _deps: Dependencies, app: App, _push: Push) -> str:
    """WeChat watches the app's orders from now on."""
    structlog.get_logger("pushes").error(
        "order_shipping_wanted", appid=app.appid, advice="Set order_shipping for this app; see docs/shipping.md."
    )
    return "operator told"


HANDLERS: Final[Mapping[str, Handler]] = {
    "trade_manage_order_settlement": _order_settlement,
    "trade_manage_remind_shipping": _remind_shipping,
    "trade_manage_remind_access_api": _remind_access,
}


def _find(unit: Unit, app: App, push: Push) -> Shipping | None:
    """The order that an event of this app names."""
    merchant, number = push.fields.get("merchant_id"), push.fields.get("merchant_trade_no")
    if not number or merchant not in (None, "", app.merchant):
        return None
    found = unit.shippings.find_by_number(app.provider, app.merchant, number)
    return found if found is not None and found.app == app.appid else None


def _ask_soon(unit: Unit, deps: Dependencies, shipping: Shipping) -> str:
    unit.shippings.schedule(shipping.id, due_ms=deps.surroundings.now_ms(), tries=0)
    return "asking"


def _seconds(push: Push, name: str) -> int:
    text = push.fields.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0

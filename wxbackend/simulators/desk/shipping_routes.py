"""Desk paths about order shipping: what was told, what is frozen, receiving, settling, and reminding the merchant."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response

from wxbackend.simulators.desk.reading import DeskError, flag, number, read_wish, show
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_platform.shipping_routes import order_view
from wxbackend.simulators.world import World

SECONDS_MAX = 400 * 86400.0


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""
    _add_rules(desk, world)

    @desk.get("/shipping")
    def shipping() -> Response:
        """Payments of watched mini programs, newest first, and how much money is frozen in all."""
        known = world.shipping.known()
        frozen = sum(world.shipping.frozen(order) for order in known)
        return show({"frozen": frozen, "orders": [_view(world, order) for order in known]})

    @desk.get("/shipping/<out_trade_no>")
    def one_shipping(out_trade_no: str) -> Response:
        """One of them."""
        return show(_view(world, _order(world, out_trade_no)))

    @desk.post("/shipping/<out_trade_no>/receive")
    def receive_shipping(out_trade_no: str) -> Response:
        """The buyer confirms the receipt."""
        order = _order(world, out_trade_no)
        world.shipping.receive(out_trade_no)
        return show(_view(world, order))

    @desk.post("/shipping/<out_trade_no>/settle")
    def settle_shipping(out_trade_no: str) -> Response:
        """Set the money free and push the event."""
        order = _order(world, out_trade_no)
        world.shipping.settle(out_trade_no)
        return show(_view(world, order))

    @desk.post("/shipping/<out_trade_no>/remind_merchant")
    def remind_merchant(out_trade_no: str) -> Response:
        """Push what WeChat pushes to a shop that has not shipped in time."""
        _order(world, out_trade_no)
        return show({"pushed": world.shipping.remind_merchant(out_trade_no)})


def _add_rules(desk: Blueprint, world: World) -> None:
    @desk.post("/shipping/rules")
    def set_shipping_rules() -> Response:
        """Set not_known_s (10060001 after a payment), received_after_s and settled_after_s, in virtual seconds."""
        wish = read_wish(["not_known_s", "received_after_s", "settled_after_s"])
        rules = world.shipping.rules
        for name in wish:
            seconds = number(wish, name, 0)
            if not 0 <= seconds <= SECONDS_MAX:
                raise DeskError(f"{name} must lie between 0 and {SECONDS_MAX}")
            rules = replace(rules, **{name: seconds})
        world.shipping.rules = rules
        return show(
            {
                "not_known_s": rules.not_known_s,
                "received_after_s": rules.received_after_s,
                "settled_after_s": rules.settled_after_s,
            }
        )

    @desk.post("/apps/<appid>/shipping")
    def watch_shipping(appid: str) -> Response:
        """Whether WeChat manages the app's orders: watched true or false."""
        if world.credentials.app(appid) is None:
            raise DeskError(f"no app {appid}", 404)
        world.shipping.watch(appid, on=flag(read_wish(["watched"]), "watched"))
        return show({"appid": appid, "watched": world.shipping.watches(appid)})


def _order(world: World, out_trade_no: str) -> Order:
    order = world.orders.find(out_trade_no)
    if order is None or not order.paid:
        raise DeskError(f"no paid order {out_trade_no}", 404)
    return order


def _view(world: World, order: Order) -> dict[str, object]:
    """A payment with what only the desk may see."""
    delivery = world.shipping.of(order)
    return {
        **order_view(order, delivery),
        "frozen": world.shipping.frozen(order),
        "uploads": delivery.uploads,
        "reminded": delivery.reminded,
        "settled": delivery.settled_at is not None,
    }

"""Desk paths that play a buyer outside a page in WeChat: scan a QR code, open the page for browsers, pay in an app."""

from __future__ import annotations

from flask import Blueprint, Response

from wxbackend.simulators.buyers import Buyer
from wxbackend.simulators.desk.reading import DeskError, mapping, read_wish, show, text
from wxbackend.simulators.wechat_pay.app_cashier import settle_app
from wxbackend.simulators.wechat_pay.cashier import NO_LONGER_VALID, OUTCOMES, Channel, settle_order
from wxbackend.simulators.world import World

# Nobody hears of these two: the page or the till asks its own server.
SCANNER = Channel(
    ok="scan:ok", cancel="scan:cancel", fail="scan:fail",
    time_field="", passes_appid=False, numeric_time=False, detail_in_message=False,
)  # fmt: skip
BROWSER = Channel(
    ok="h5:ok", cancel="h5:cancel", fail="h5:fail",
    time_field="", passes_appid=False, numeric_time=False, detail_in_message=False,
)  # fmt: skip


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""

    @desk.post("/buyers/<buyer_id>/scan")
    def scan(buyer_id: str) -> Response:
        """Scan a QR code's text with the camera and end the cashier with an outcome."""
        wish = read_wish(["code", "outcome"])
        number = world.entrances.scanned(text(wish, "code"))
        return _end(world, buyer_id, SCANNER, number=number, outcome=text(wish, "outcome", "pay"))

    @desk.post("/buyers/<buyer_id>/open_h5")
    def open_h5(buyer_id: str) -> Response:
        """Follow an h5_url from a browser into the cashier and end it with an outcome."""
        wish = read_wish(["url", "outcome"])
        number = world.entrances.opened(text(wish, "url"))
        return _end(world, buyer_id, BROWSER, number=number, outcome=text(wish, "outcome", "pay"))

    @desk.post("/buyers/<buyer_id>/pay_app")
    def pay_app(buyer_id: str) -> Response:
        """Open the cashier with the OpenSDK's seven parameters and end it with an outcome."""
        buyer = _buyer(world, buyer_id)
        wish = read_wish(["params", "outcome"])
        outcome = _outcome(text(wish, "outcome", "pay"))
        return show(settle_app(world, buyer=buyer, params=mapping(wish, "params"), outcome=outcome).view())


def _end(world: World, buyer_id: str, channel: Channel, *, number: str | None, outcome: str) -> Response:
    buyer = _buyer(world, buyer_id)
    order = world.orders.find(number) if number is not None else None
    if order is None:
        return show({"err_msg": channel.fail, "err_desc": NO_LONGER_VALID})
    return show(settle_order(world, buyer=buyer, channel=channel, order=order, outcome=_outcome(outcome)).view())


def _buyer(world: World, buyer_id: str) -> Buyer:
    buyer = world.buyers.get(buyer_id)
    if buyer is None:
        raise DeskError(f"no buyer {buyer_id}", 404)
    return buyer


def _outcome(name: str) -> str:
    if name not in OUTCOMES:
        raise DeskError(f"outcome must be one of {', '.join(OUTCOMES)}")
    return name

"""Desk paths that play the buyer: log in, look at what waits, and pay or not."""

from __future__ import annotations

from flask import Blueprint, Response

from wxbackend.simulators.buyers import DEFAULT_BALANCE_FEN, Buyer
from wxbackend.simulators.desk.reading import (
    DeskError,
    flag,
    mapping,
    read_wish,
    show,
    text,
    whole,
)
from wxbackend.simulators.desk.world_routes import order_view
from wxbackend.simulators.wechat_pay.cashier import (
    CHANNELS,
    OUTCOMES,
    Channel,
    Invocation,
    settle_order,
    settle_params,
)
from wxbackend.simulators.wechat_platform.logins import MINI_PROGRAM, OAUTH, SCOPES
from wxbackend.simulators.world import World

KIND_OF_APP = {OAUTH: "official_account", MINI_PROGRAM: "mini_program"}


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""
    _add_people(desk, world)
    _add_codes(desk, world)
    _add_paying(desk, world)


def _add_people(desk: Blueprint, world: World) -> None:
    @desk.get("/buyers")
    def buyers() -> Response:
        """All buyers."""
        return show({"buyers": [world.buyers.view(buyer) for buyer in world.buyers.everyone()]})

    @desk.post("/buyers")
    def add_buyer() -> Response:
        """Add a buyer; balance is in fen."""
        wish = read_wish(["name", "balance", "risky", "snapshot"])
        buyer = world.buyers.add(
            name=text(wish, "name") if "name" in wish else None,
            balance=whole(wish, "balance", DEFAULT_BALANCE_FEN),
            risky=flag(wish, "risky"),
            snapshot=flag(wish, "snapshot"),
        )
        return show(world.buyers.view(buyer), 201)

    @desk.get("/buyers/<buyer_id>")
    def buyer(buyer_id: str) -> Response:
        """One buyer."""
        return show(world.buyers.view(_buyer(world, buyer_id)))

    @desk.get("/oauth/callbacks")
    def callbacks() -> Response:
        """Callback URLs with codes that were handed out, newest first: visit one again to play a double redirect."""
        return show({"callbacks": world.logins.callbacks()})


def _add_codes(desk: Blueprint, world: World) -> None:
    @desk.post("/buyers/<buyer_id>/codes")
    def code(buyer_id: str) -> Response:
        """A login code for an app without a browser; kind is oauth or mini_program."""
        buyer = _buyer(world, buyer_id)
        wish = read_wish(["appid", "kind", "scope"])
        appid, kind = text(wish, "appid"), text(wish, "kind")
        scope = text(wish, "scope", SCOPES[0])
        app = world.credentials.app(appid)
        if app is None or KIND_OF_APP.get(kind) != app.kind or scope not in SCOPES:
            raise DeskError("appid, kind or scope do not fit together")
        snapshot = kind == OAUTH and (buyer.snapshot or world.mischief.take_platform("oauth_snapshot") is not None)
        issued = world.logins.issue(kind=kind, appid=appid, buyer=buyer, scope=scope, snapshot=snapshot)
        return show({"code": issued}, 201)


def _add_paying(desk: Blueprint, world: World) -> None:
    @desk.get("/buyers/<buyer_id>/orders")
    def waiting(buyer_id: str) -> Response:
        """Unpaid orders that name this buyer, newest first."""
        buyer = _buyer(world, buyer_id)
        found = world.orders.waiting_for(buyer.openids.values())
        return show({"orders": [order_view(order) for order in found]})

    @desk.post("/buyers/<buyer_id>/pay")
    def pay(buyer_id: str) -> Response:
        """Open the cashier with signed parameters (appid only where they hold none) and end it with an outcome."""
        buyer = _buyer(world, buyer_id)
        wish = read_wish(["channel", "appid", "params", "outcome"])
        settlement = settle_params(
            world,
            buyer=buyer,
            invocation=Invocation(
                channel=_channel(text(wish, "channel")),
                appid=text(wish, "appid", ""),
                params=mapping(wish, "params"),
            ),
            outcome=_outcome(text(wish, "outcome", "pay")),
        )
        return show(settlement.view())

    @desk.post("/buyers/<buyer_id>/pay_order")
    def pay_order(buyer_id: str) -> Response:
        """End the cashier of an order with an outcome, without the page's parameters."""
        buyer = _buyer(world, buyer_id)
        wish = read_wish(["out_trade_no", "outcome", "channel"])
        order = world.orders.find(text(wish, "out_trade_no"))
        if order is None:
            raise DeskError("no such order", 404)
        settlement = settle_order(
            world,
            buyer=buyer,
            channel=_channel(text(wish, "channel", "official_account")),
            order=order,
            outcome=_outcome(text(wish, "outcome", "pay")),
        )
        return show(settlement.view())


def _buyer(world: World, buyer_id: str) -> Buyer:
    buyer = world.buyers.get(buyer_id)
    if buyer is None:
        raise DeskError(f"no buyer {buyer_id}", 404)
    return buyer


def _channel(name: str) -> Channel:
    if name not in CHANNELS:
        raise DeskError(f"channel must be one of {', '.join(CHANNELS)}")
    return CHANNELS[name]


def _outcome(name: str) -> str:
    if name not in OUTCOMES:
        raise DeskError(f"outcome must be one of {', '.join(OUTCOMES)}")
    return name

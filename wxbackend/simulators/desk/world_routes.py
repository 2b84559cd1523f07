"""Desk paths about the world as a whole: clock, mode, mischief, orders, books and the request log."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, request

from wxbackend.simulators.clock import rfc3339
from wxbackend.simulators.desk.reading import DeskError, number, read_wish, show, text, whole
from wxbackend.simulators.wechat_pay.orders import Order, transaction_view
from wxbackend.simulators.world import World

CLOCK_WAIT_S_DEFAULT = 10.0
CLOCK_WAIT_S_MAX = 110.0
REQUESTS_SHOWN_DEFAULT = 100


def order_view(order: Order) -> dict[str, object]:
    """An order with what only the desk may see."""
    return {
        **transaction_view(order),
        "total": order.request.total,
        "currency": order.request.currency,
        "description": order.request.description,
        "openid": order.payer,
        "notify_url": order.request.notify_url,
        "created_at": rfc3339(order.created_at),
        "expires_at": rfc3339(order.expires_at),
    }


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""
    _add_world(desk, world)
    _add_clock(desk, world)
    _add_knobs(desk, world)
    _add_records(desk, world)


def _add_world(desk: Blueprint, world: World) -> None:
    @desk.get("/world")
    def see_world() -> Response:
        """Merchant, apps, default buyer, mode and clock."""
        return show(
            {
                "mchid": world.credentials.mchid,
                "merchant_serial": world.credentials.merchant_serial,
                "mchid_abroad": world.credentials.abroad.mchid,
                "apps": [{"appid": app.appid, "kind": app.kind, "bound": app.bound} for app in world.credentials.apps],
                "appids": {app.appid: app.kind for app in world.credentials.apps},
                "buyer": world.buyers.view(world.buyers.default()),
                "keys": world.keys.view(),
                "mode": world.keys.view()["mode"],
                "clock": world.clock.view(),
                "credentials_directory": str(world.credentials.directory),
            }
        )

    @desk.post("/reset")
    def reset() -> Response:
        """Forget orders, buyers, notices, logins, clock and mischief; keep keys."""
        world.reset()
        return show({"reset": True})

    @desk.post("/apps/<appid>")
    def set_app(appid: str) -> Response:
        """Set oauth_domain (null: any loopback host) and scopes of an official account."""
        if world.credentials.app(appid) is None:
            raise DeskError(f"no app {appid}", 404)
        wish = read_wish(["oauth_domain", "scopes"])
        if "oauth_domain" in wish:
            domain = None if wish["oauth_domain"] is None else text(wish, "oauth_domain")
            world.oauth_rights.set_domain(appid, domain)
        if "scopes" in wish:
            scopes = wish["scopes"]
            if not isinstance(scopes, list):
                raise DeskError("scopes must be a list")
            world.oauth_rights.set_scopes(appid, frozenset(map(str, scopes)))
        return show(
            {
                "appid": appid,
                "oauth_domain": world.oauth_rights.domain(appid),
                "scopes": sorted(world.oauth_rights.scopes(appid)),
            }
        )


def _add_clock(desk: Blueprint, world: World) -> None:
    @desk.get("/clock")
    def see_clock() -> Response:
        """Virtual and real time."""
        return show(world.clock.view())

    @desk.post("/clock")
    def move_clock() -> Response:
        """Advance virtual time by advance_s, then wait up to wait_s real seconds for due notices."""
        wish = read_wish(["advance_s", "wait_s"])
        world.advance(number(wish, "advance_s", 0))
        wait_s = min(number(wish, "wait_s", CLOCK_WAIT_S_DEFAULT), CLOCK_WAIT_S_MAX)
        settled = world.courier.wait_quiet(wait_s)
        return show({**world.clock.view(), "settled": settled})


def _add_knobs(desk: Blueprint, world: World) -> None:
    @desk.get("/mischief")
    def see_mischief() -> Response:
        """What is still to go wrong."""
        return show(world.mischief.view())

    @desk.post("/mischief")
    def set_mischief() -> Response:
        """Set knobs under api (a list, replaced whole), notices, platform and pushes."""
        world.mischief.set(read_wish(["api", "notices", "platform", "pushes"]))
        return show(world.mischief.view())

    @desk.delete("/mischief")
    def clear_mischief() -> Response:
        """Behave well again."""
        world.mischief.clear()
        return show(world.mischief.view())

    @desk.post("/mode")
    def set_mode() -> Response:
        """Switch between cert, gray and pubkey; pubkey_percent (steps of 0.1, by seed) is for notices in gray."""
        wish = read_wish(["mode", "pubkey_percent", "seed"])
        percent = number(wish, "pubkey_percent", 0) if "pubkey_percent" in wish else None
        seed = whole(wish, "seed", 0) if "seed" in wish else None
        world.keys.set_mode(text(wish, "mode", str(world.keys.view()["mode"])), percent, seed=seed)
        return show(world.keys.view())

    @desk.post("/keys")
    def set_keys() -> Response:
        """Set apiv3_key or apiv2_key (32 letters and digits) as the console does: the old one counts no more."""
        wish = read_wish(["apiv3_key", "apiv2_key"])
        changed = {name: text(wish, name) for name in wish}
        world.credentials.change_keys(**changed)
        return show({"changed": sorted(changed)})

    @desk.post("/certificates/rotate")
    def rotate() -> Response:
        """Rotate platform certificates; step is rotate (default), publish, use or retire."""
        wish = read_wish(["step"])
        return show(world.keys.rotate(text(wish, "step", "rotate")))


def _add_records(desk: Blueprint, world: World) -> None:
    @desk.get("/orders")
    def orders() -> Response:
        """All orders, newest first, or the one with ?out_trade_no=."""
        wanted = request.args.get("out_trade_no")
        found = world.orders.everything()
        if wanted is not None:
            found = [order for order in found if order.request.out_trade_no == wanted]
        return show({"orders": [order_view(order) for order in found]})

    @desk.get("/orders/<out_trade_no>")
    def order(out_trade_no: str) -> Response:
        """One order."""
        found = world.orders.find(out_trade_no)
        if found is None:
            raise DeskError(f"no order {out_trade_no}", 404)
        return show(order_view(found))

    @desk.get("/books")
    def books() -> Response:
        """Totals in fen, and whether they balance."""
        return show(world.books())

    @desk.get("/requests")
    def requests() -> Response:
        """Requests to the Pay API, newest first; ?limit=."""
        limit = request.args.get("limit", REQUESTS_SHOWN_DEFAULT, type=int)
        newest = list(reversed(list(world.requests)))[: max(limit, 0)]
        return show({"requests": [asdict(entry) for entry in newest]})

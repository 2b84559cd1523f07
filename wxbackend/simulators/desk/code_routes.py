"""Desk paths about payment codes: show one on a buyer's phone, type the PIN, and set when it is asked for."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response

from wxbackend.simulators.buyers import Buyer
from wxbackend.simulators.clock import rfc3339
from wxbackend.simulators.desk.reading import DeskError, flag, read_wish, show, text, whole
from wxbackend.simulators.desk.world_routes import order_view
from wxbackend.simulators.payment_codes import CODE_LIVES_S, CodeRules
from wxbackend.simulators.wechat_pay.code_payments import asked, type_pin
from wxbackend.simulators.world import World


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""

    @desk.post("/buyers/<buyer_id>/payment_code")
    def show_code(buyer_id: str) -> Response:
        """Show a payment code: a fresh one, or `code`; `ask_pin` decides instead of the amount."""
        buyer, wish = _buyer(world, buyer_id), read_wish(["code", "ask_pin"])
        shown = world.codes.show(
            buyer.id,
            digits=text(wish, "code") if "code" in wish else None,
            ask_pin=flag(wish, "ask_pin") if "ask_pin" in wish else None,
        )
        until = rfc3339(shown.shown_at + CODE_LIVES_S)
        return show({"code": shown.digits, "valid_until": until, "lives_s": CODE_LIVES_S}, 201)

    @desk.get("/buyers/<buyer_id>/pin")
    def see_pin(buyer_id: str) -> Response:
        """Orders whose PIN this buyer is asked for, newest first."""
        return show({"orders": [order_view(order) for order in asked(world, _buyer(world, buyer_id))]})

    @desk.post("/buyers/<buyer_id>/pin")
    def pin(buyer_id: str) -> Response:
        """Answer for `out_trade_no` with outcome pay, wrong_password, no_money or cancel."""
        wish = read_wish(["out_trade_no", "outcome"])
        order = type_pin(world, _buyer(world, buyer_id), text(wish, "out_trade_no"), text(wish, "outcome", "pay"))
        return show(order_view(order))

    @desk.get("/payment_codes/rules")
    def see_code_rules() -> Response:
        """From which amount on the PIN is asked for, and how many reversals are put off."""
        return show(_view(world.codes.rules))

    @desk.post("/payment_codes/rules")
    def set_code_rules() -> Response:
        """Set pin_above (fen) and recalls: so many reversals are answered with recall Y, undone."""
        wish = read_wish(["pin_above", "recalls"])
        with world.lock:
            rules = world.codes.rules
            world.codes.rules = replace(
                rules,
                pin_above=whole(wish, "pin_above", rules.pin_above),
                recalls=whole(wish, "recalls", rules.recalls),
            )
        return show(_view(world.codes.rules))


def _view(rules: CodeRules) -> dict[str, object]:
    return {"pin_above": rules.pin_above, "recalls": rules.recalls}


def _buyer(world: World, buyer_id: str) -> Buyer:
    buyer = world.buyers.get(buyer_id)
    if buyer is None:
        raise DeskError(f"no buyer {buyer_id}", 404)
    return buyer

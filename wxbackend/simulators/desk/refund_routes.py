"""Desk paths about refunds and the merchant's money: look, decide how refunds end, and make the balance short."""

from __future__ import annotations

import time
from dataclasses import replace

from flask import Blueprint, Response, request

from wxbackend.simulators.clock import rfc3339
from wxbackend.simulators.desk.reading import DeskError, number, read_wish, show, text, whole
from wxbackend.simulators.wechat_pay.refunds import OUTCOMES, SUCCESS, Refund, Rules, refund_view
from wxbackend.simulators.world import World

WAIT_S_MAX = 110.0
WAIT_STEP_S = 0.05
SECONDS_MAX = 400 * 86400.0


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""
    _add_records(desk, world)
    _add_rules(desk, world)
    _add_funds(desk, world)


def _add_records(desk: Blueprint, world: World) -> None:
    @desk.get("/refunds")
    def refunds() -> Response:
        """All refunds, newest first; ?out_trade_no= and ?wait_s= (until none will end by itself)."""
        settled = _wait(world, request.args.get("wait_s", 0.0, type=float))
        wanted = request.args.get("out_trade_no")
        found = [refund for refund in world.refunds.everything() if wanted in (None, refund.out_trade_no)]
        return show({"settled": settled, "refunds": [_view(refund) for refund in found]})

    @desk.get("/refunds/<out_refund_no>")
    def refund(out_refund_no: str) -> Response:
        """One refund."""
        return show(_view(_refund(world, out_refund_no)))

    @desk.post("/refunds/<out_refund_no>/settle")
    def settle(out_refund_no: str) -> Response:
        """End a refund now with outcome SUCCESS, ABNORMAL or CLOSED; an abnormal one can only succeed."""
        wish = read_wish(["outcome"])
        _refund(world, out_refund_no)
        return show(_view(world.refunds.settle(out_refund_no, _outcome(text(wish, "outcome", SUCCESS)))))


def _add_rules(desk: Blueprint, world: World) -> None:
    @desk.get("/refunds/rules")
    def see_rules() -> Response:
        """How refunds are spaced and how the next ones end."""
        return show(_rules_view(world.refunds.rules))

    @desk.post("/refunds/rules")
    def set_rules() -> Response:
        """Set min_spacing_s, settle_after_s (null: never), outcome for times refunds (null: all), notify_url (null)."""
        wish = read_wish(["min_spacing_s", "settle_after_s", "outcome", "times", "notify_url"])
        if "times" in wish and "outcome" not in wish:
            raise DeskError("times needs an outcome")
        with world.lock:
            rules = world.refunds.rules
            if "min_spacing_s" in wish:
                rules = replace(rules, min_spacing_s=_seconds(wish, "min_spacing_s"))
            if "settle_after_s" in wish:
                never = wish["settle_after_s"] is None
                rules = replace(rules, settle_after_s=None if never else _seconds(wish, "settle_after_s"))
            if "outcome" in wish:
                rules = replace(rules, outcome=_outcome(text(wish, "outcome")), times=_times(wish))
            if "notify_url" in wish:
                rules = replace(rules, notify_url=None if wish["notify_url"] is None else text(wish, "notify_url"))
            world.refunds.rules = rules
        return show(_rules_view(rules))


def _add_funds(desk: Blueprint, world: World) -> None:
    @desk.get("/merchant")
    def see_merchant() -> Response:
        """The merchant's money in fen: balance, reserved for refunds, available, and what lies at the bank."""
        return show(world.funds.view())

    @desk.post("/merchant")
    def set_merchant() -> Response:
        """Do one of withdraw, top_up and available (exactly so much is left to spend), in fen."""
        wish = read_wish(["available", "withdraw", "top_up"])
        if len(wish) != 1:
            raise DeskError("name exactly one of available, withdraw and top_up")
        ((name, _),) = wish.items()
        amount = whole(wish, name, 0)
        match name:
            case "available":
                world.funds.set_available(amount)
            case "withdraw":
                world.funds.withdraw(amount)
            case _:
                world.funds.top_up(amount)
        return show(world.funds.view())

    @desk.get("/merchant/abroad/<currency>")
    def see_merchant_abroad(currency: str) -> Response:
        """What refunds of orders of the global API may be paid from, in minor units of a currency."""
        return show({"available": world.abroad.available(currency)})

    @desk.post("/merchant/abroad/<currency>")
    def set_merchant_abroad(currency: str) -> Response:
        """Leave exactly so much."""
        world.abroad.set_available(whole(read_wish(["available"]), "available", 0), currency)
        return see_merchant_abroad(currency)


def _view(refund: Refund) -> dict[str, object]:
    """A refund with what only the desk may see."""
    return {
        **refund_view(refund),
        "reason": refund.request.reason,
        "notify_url": refund.notify_url,
        "planned": refund.planned,
        "due_at": None if refund.due_at is None else rfc3339(refund.due_at),
        "receiver": refund.receiver,
    }


def _rules_view(rules: Rules) -> dict[str, object]:
    return {
        "min_spacing_s": rules.min_spacing_s,
        "settle_after_s": rules.settle_after_s,
        "outcome": rules.outcome,
        "times": rules.times,
        "notify_url": rules.notify_url,
    }


def _wait(world: World, wait_s: float) -> bool:
    ends = time.monotonic() + min(wait_s, WAIT_S_MAX)
    while world.refunds.settle_due() is not None:
        if time.monotonic() >= ends:
            return False
        time.sleep(WAIT_STEP_S)
    return True


def _refund(world: World, out_refund_no: str) -> Refund:
    refund = world.refunds.find(out_refund_no)
    if refund is None:
        raise DeskError(f"no refund {out_refund_no}", 404)
    return refund


def _outcome(name: str) -> str:
    if name not in OUTCOMES:
        raise DeskError(f"outcome must be one of {', '.join(OUTCOMES)}")
    return name


def _times(wish: dict[str, object]) -> int | None:
    if wish.get("times", 1) is None:
        return None
    times = whole(wish, "times", 1)
    if times < 1:
        raise DeskError("times must be a positive integer, or null for always")
    return times


def _seconds(wish: dict[str, object], name: str) -> float:
    seconds = number(wish, name, 0)
    if not 0 <= seconds <= SECONDS_MAX:
        raise DeskError(f"{name} must lie between 0 and {SECONDS_MAX}")
    return seconds

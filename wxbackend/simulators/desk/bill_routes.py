"""Desk paths about bills: see a day's, set the rate of fees, and spoil a day's bill in every way that can be."""

from __future__ import annotations

from flask import Blueprint, Response, request

from wxbackend.simulators.desk.reading import DeskError, mapping, read_wish, show, whole
from wxbackend.simulators.wechat_pay.bills import FAULTS, Side, Spoiling, fund_flow, trade_bill
from wxbackend.simulators.world import World

CHANGES = ("amount", "fee", "status", "currency")
RATE_MILLIONTHS_MAX = 1_000_000


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""

    @desk.get("/bills/<day>")
    def see_bill(day: str) -> Response:
        """A day's trade bill as it would be handed over, or its fund flow with ?kind=funds; spoilt if it is."""
        with world.lock:
            orders, refunds = world.orders.everything(), world.refunds.everything()
            side = Side(world.credentials.mchid, orders, refunds, world.bill_rate_millionths)
            spoiling = world.spoiled_bills.get(day, Spoiling())
            funds = request.args.get("kind") == "funds"
            made = fund_flow(side, day, spoiling) if funds else trade_bill(side, day, "ALL", spoiling)
        return show({"day": day, "text": None if made is None else made.decode("utf-8", "replace")})

    @desk.post("/bills/rules")
    def set_bill_rules() -> Response:
        """Set rate_millionths, the rate of fees that bills show (6000 is 0.60%)."""
        rate = whole(read_wish(["rate_millionths"]), "rate_millionths", world.bill_rate_millionths)
        if rate > RATE_MILLIONTHS_MAX:
            raise DeskError(f"rate_millionths must not exceed {RATE_MILLIONTHS_MAX}")
        world.bill_rate_millionths = rate
        return show({"rate_millionths": rate})

    @desk.post("/bills/<day>/mischief")
    def spoil_bill(day: str) -> Response:
        """Spoil a day: omit [numbers], add [{out_trade_no, amount}], change {number: {amount, fee, status}}, file.

        In statements of the global API a row's currency may be changed too, and its status not.
        """
        wish = read_wish(["omit", "add", "change", "file"])
        fault = wish.get("file")
        if fault is not None and fault not in FAULTS:
            raise DeskError(f"file must be one of {', '.join(FAULTS)}")
        spoiling = Spoiling(
            omit=frozenset(map(str, _listed(wish, "omit"))),
            add=tuple(_made_up(item) for item in _listed(wish, "add")),
            change={number: _change(item) for number, item in mapping(wish, "change").items()},
            file=None if fault is None else str(fault),
        )
        with world.lock:
            world.spoiled_bills[day] = spoiling
        return show({"day": day, "spoilt": True})

    @desk.delete("/bills/<day>/mischief")
    def mend_bill(day: str) -> Response:
        """Make a day's bills from the books alone."""
        with world.lock:
            world.spoiled_bills.pop(day, None)
        return show({"day": day, "spoilt": False})


def _listed(wish: dict[str, object], name: str) -> list[object]:
    value = wish.get(name, [])
    if not isinstance(value, list):
        raise DeskError(f"{name} must be a list")
    return value


def _made_up(item: object) -> dict[str, object]:
    if not isinstance(item, dict) or set(item) != {"out_trade_no", "amount"}:
        raise DeskError("each row in add must be an object with out_trade_no and amount (fen)")
    return {"out_trade_no": str(item["out_trade_no"]), "amount": whole(item, "amount", 0)}


def _change(item: object) -> dict[str, object]:
    if not isinstance(item, dict) or not item or set(item) - set(CHANGES):
        raise DeskError(f"each change must be an object with some of {', '.join(CHANGES)}")
    numbers = {name: whole(item, name, 0) for name in ("amount", "fee") if name in item}
    words = {name: str(item[name]) for name in ("status", "currency") if name in item}
    return {**numbers, **words}

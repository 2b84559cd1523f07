"""Desk paths about contracts and debits: the buyer signs, ends a contract, and how debits end."""

from __future__ import annotations

from dataclasses import asdict, replace

from flask import Blueprint, Response

from wxbackend.simulators.clock import rfc3339
from wxbackend.simulators.desk.reading import DeskError, flag, number, read_wish, show, text, whole
from wxbackend.simulators.desk.world_routes import order_view
from wxbackend.simulators.wechat_pay.contracts import BY_USER, UNSIGNED, Contract, contract_view
from wxbackend.simulators.wechat_pay.debits import OUTCOMES, PAY
from wxbackend.simulators.world import World

SECONDS_MAX = 400 * 86400.0
ANSWERS = ("agree", "decline")


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""
    _add_contracts(desk, world)
    _add_debits(desk, world)


def _add_contracts(desk: Blueprint, world: World) -> None:
    @desk.get("/contracts")
    def contracts() -> Response:
        """All contracts, newest first, those that nobody signed too."""
        return show({"contracts": [_view(world, contract) for contract in world.contracts.everything()]})

    @desk.get("/contracts/<code>")
    def contract(code: str) -> Response:
        """One contract by the merchant's number."""
        return show(_view(world, _contract(world, code)))

    @desk.post("/buyers/<buyer_id>/sign")
    def sign(buyer_id: str) -> Response:
        """Answer a page to sign on, named by page or by out_contract_code: agree (default) or decline."""
        buyer = world.buyers.get(buyer_id)
        if buyer is None:
            raise DeskError(f"no buyer {buyer_id}", 404)
        wish = read_wish(["page", "out_contract_code", "answer"])
        answer = text(wish, "answer", "agree")
        if answer not in ANSWERS:
            raise DeskError(f"answer must be one of {', '.join(ANSWERS)}")
        with world.lock:
            if "page" in wish:
                found = world.contracts.behind(text(wish, "page"))
                if found is None:
                    raise DeskError("no such page, or its time is over", 404)
            else:
                found = _contract(world, text(wish, "out_contract_code"))
            if answer == "agree":
                found = world.contracts.sign(found.request.code, buyer.openids[found.request.appid])
        return show(_view(world, found))

    @desk.post("/contracts/<code>/terminate")
    def terminate(code: str) -> Response:
        """The buyer ends it inside WeChat."""
        with world.lock:
            _contract(world, code)
            return show(_view(world, world.contracts.terminate(code, by=BY_USER, remark="用户解约")))


def _add_debits(desk: Blueprint, world: World) -> None:
    @desk.get("/debits/rules")
    def see_debit_rules() -> Response:
        """How the next debits end, after how many seconds, and whether the buyer must be told first."""
        return show(asdict(world.debits.rules))

    @desk.post("/debits/rules")
    def set_debit_rules() -> Response:
        """Set them: settle_after_s (null: only by the desk), outcome, times (null: always), notice_required."""
        wish = read_wish(["settle_after_s", "outcome", "times", "notice_required"])
        rules = world.debits.rules
        if "settle_after_s" in wish:
            after_s = None if wish["settle_after_s"] is None else number(wish, "settle_after_s", 0)
            if after_s is not None and not 0 <= after_s <= SECONDS_MAX:
                raise DeskError(f"settle_after_s must lie between 0 and {SECONDS_MAX}")
            rules = replace(rules, settle_after_s=after_s)
        if "outcome" in wish:
            times = None if wish.get("times", 1) is None else max(1, whole(wish, "times", 1))
            rules = replace(rules, outcome=_outcome(text(wish, "outcome")), times=times)
        if "notice_required" in wish:
            rules = replace(rules, notice_required=flag(wish, "notice_required"))
        world.debits.rules = rules
        return show(asdict(rules))

    @desk.post("/debits/<out_trade_no>/settle")
    def settle_debit(out_trade_no: str) -> Response:
        """End a debit that is under way, with an outcome."""
        wish = read_wish(["outcome"])
        return show(order_view(world.debits.settle(out_trade_no, _outcome(text(wish, "outcome", PAY)))))


def _contract(world: World, code: str) -> Contract:
    found = world.contracts.find(code)
    if found is None:
        raise DeskError(f"no contract {code}", 404)
    return found


def _view(world: World, contract: Contract) -> dict[str, object]:
    view = contract_view(contract, world.credentials.mchid)
    if contract.state == UNSIGNED:
        view["openid"] = contract.request.openid
    if contract.schedule is not None:
        view["schedule"] = {
            "total": contract.schedule.total,
            "opens_at": rfc3339(contract.schedule.opens_at),
            "closes_at": rfc3339(contract.schedule.closes_at),
        }
    return view


def _outcome(name: str) -> str:
    if name not in OUTCOMES:
        raise DeskError(f"outcome must be one of {', '.join(OUTCOMES)}")
    return name

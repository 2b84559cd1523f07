"""Desk paths about merchant transfers: look, set how long things take, end one, and play the recipient."""

from __future__ import annotations

from dataclasses import asdict, replace

from flask import Blueprint, Response

from wxbackend.simulators.desk.reading import DeskError, mapping, number, read_wish, show, text
from wxbackend.simulators.wechat_pay.transfer_operations import CONFIRM, OUTCOMES, confirm, confirm_params
from wxbackend.simulators.wechat_pay.transfers import ENDS, SUCCESS, Transfer, transfer_view
from wxbackend.simulators.world import World

SECONDS_MAX = 400 * 86400.0
FAIL_REASON_DEFAULT = "PAYEE_ACCOUNT_ABNORMAL"


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""
    _add_records(desk, world)
    _add_recipient(desk, world)


def _add_records(desk: Blueprint, world: World) -> None:
    @desk.get("/transfers")
    def transfers() -> Response:
        """All merchant transfers, newest first."""
        return show({"transfers": [_view(world, each) for each in world.transfers.everything()]})

    @desk.get("/transfers/<out_bill_no>")
    def transfer(out_bill_no: str) -> Response:
        """One merchant transfer."""
        return show(_view(world, _transfer(world, out_bill_no)))

    @desk.post("/transfers/<out_bill_no>/settle")
    def settle_transfer(out_bill_no: str) -> Response:
        """End a transfer now with outcome SUCCESS, FAIL (and a fail_reason) or CANCELLED."""
        wish = read_wish(["outcome", "fail_reason"])
        _transfer(world, out_bill_no)
        outcome = text(wish, "outcome", SUCCESS)
        if outcome not in ENDS:
            raise DeskError(f"outcome must be one of {', '.join(ENDS)}")
        reason = text(wish, "fail_reason", FAIL_REASON_DEFAULT) if outcome == "FAIL" else None
        return show(_view(world, world.transfers.end(out_bill_no, outcome, fail_reason=reason)))

    @desk.get("/transfers/rules")
    def see_transfer_rules() -> Response:
        """How long transfers take."""
        return show(asdict(world.transfers.rules))

    @desk.post("/transfers/rules")
    def set_transfer_rules() -> Response:
        """Set review_s (before the recipient may confirm), moving_s (after) and cancel_s."""
        wish = read_wish(["review_s", "moving_s", "cancel_s"])
        seconds = {name: number(wish, name, 0) for name in wish}
        for name, wanted in seconds.items():
            if not 0 <= wanted <= SECONDS_MAX:
                raise DeskError(f"{name} must lie between 0 and {SECONDS_MAX}")
        with world.lock:
            world.transfers.rules = replace(world.transfers.rules, **seconds)
        return show(asdict(world.transfers.rules))


def _add_recipient(desk: Blueprint, world: World) -> None:
    @desk.get("/buyers/<buyer_id>/transfers")
    def transfers_waiting(buyer_id: str) -> Response:
        """Transfers that this buyer has to confirm, newest first."""
        buyer = world.buyers.get(buyer_id)
        if buyer is None:
            raise DeskError(f"no buyer {buyer_id}", 404)
        found = world.transfers.waiting_for(buyer.openids.values())
        return show({"transfers": [_view(world, each) for each in found]})

    @desk.post("/buyers/<buyer_id>/confirm_transfer")
    def confirm_transfer(buyer_id: str) -> Response:
        """Open the confirmation with the page's params, or by out_bill_no; outcome is confirm, cancel or fail."""
        buyer = world.buyers.get(buyer_id)
        if buyer is None:
            raise DeskError(f"no buyer {buyer_id}", 404)
        wish = read_wish(["params", "out_bill_no", "outcome", "fail_reason"])
        outcome = text(wish, "outcome", CONFIRM)
        if outcome not in OUTCOMES:
            raise DeskError(f"outcome must be one of {', '.join(OUTCOMES)}")
        reason = text(wish, "fail_reason", FAIL_REASON_DEFAULT)
        if "out_bill_no" in wish:
            named = _transfer(world, text(wish, "out_bill_no"))
            return show(confirm(world, buyer=buyer, transfer=named, outcome=outcome, fail_reason=reason))
        params = mapping(wish, "params")
        return show(confirm_params(world, buyer=buyer, params=params, outcome=outcome, fail_reason=reason))


def _view(world: World, transfer: Transfer) -> dict[str, object]:
    """A transfer with what only the desk may see."""
    return {
        **transfer_view(transfer, world.credentials.mchid),
        "scene": transfer.request.scene,
        "named": transfer.request.user_name is not None,
        "notify_url": transfer.request.notify_url,
        "receiver": transfer.receiver,
    }


def _transfer(world: World, out_bill_no: str) -> Transfer:
    found = world.transfers.find(out_bill_no)
    if found is None:
        raise DeskError(f"no transfer {out_bill_no}", 404)
    return found

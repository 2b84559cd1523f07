"""The paths of merchant transfers."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import Result
from wxbackend.simulators.wechat_pay.transfer_operations import cancel_transfer, create_transfer, query_transfer
from wxbackend.simulators.world import World

Operation = Callable[[World, Call], Result]
TRANSFERS = "/fund-app/mch-transfer/transfer-bills"


def add_to(pages: Blueprint, world: World, converse: Callable[[World, str, Operation], Response]) -> None:
    """Add these paths to the Pay API."""

    @pages.post(TRANSFERS)
    def transfer() -> Response:
        return converse(world, "transfer", create_transfer)

    @pages.get(f"{TRANSFERS}/out-bill-no/<out_bill_no>")
    def transfer_by_number(out_bill_no: str) -> Response:
        return converse(world, "transfer_query", query_transfer(out_bill_no))

    @pages.post(f"{TRANSFERS}/out-bill-no/<out_bill_no>/cancel")
    def transfer_cancel(out_bill_no: str) -> Response:
        return converse(world, "transfer_cancel", cancel_transfer(out_bill_no))

"""The paths of profit sharing."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from wxbackend.simulators.wechat_pay import sharing_operations as operations
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import Result
from wxbackend.simulators.world import World

Operation = Callable[[World, Call], Result]
PREFIX = "/profitsharing"


def add_to(pages: Blueprint, world: World, converse: Callable[[World, str, Operation], Response]) -> None:
    """Add these paths to the Pay API."""

    @pages.post(f"{PREFIX}/orders")
    def share() -> Response:
        return converse(world, "share", operations.share)

    @pages.post(f"{PREFIX}/orders/unfreeze")
    def unfreeze() -> Response:
        return converse(world, "share", operations.unfreeze)

    @pages.get(f"{PREFIX}/orders/<out_order_no>")
    def share_by_number(out_order_no: str) -> Response:
        return converse(world, "share_query", operations.query_share(out_order_no, request.args))

    @pages.post(f"{PREFIX}/return-orders")
    def return_share() -> Response:
        return converse(world, "share_return", operations.return_share)

    @pages.get(f"{PREFIX}/return-orders/<out_return_no>")
    def return_by_number(out_return_no: str) -> Response:
        return converse(world, "share_return_query", operations.query_return(out_return_no, request.args))

    @pages.get(f"{PREFIX}/transactions/<transaction_id>/amounts")
    def unsplit(transaction_id: str) -> Response:
        return converse(world, "share_query", operations.query_unsplit(transaction_id))

    @pages.post(f"{PREFIX}/receivers/add")
    def add_receiver() -> Response:
        return converse(world, "receiver", operations.add_receiver)

    @pages.post(f"{PREFIX}/receivers/delete")
    def remove_receiver() -> Response:
        return converse(world, "receiver", operations.remove_receiver)

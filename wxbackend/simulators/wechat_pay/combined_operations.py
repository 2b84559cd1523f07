"""What WeChat Pay does with combined orders, and the paths by which it is asked to."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from wxbackend.simulators.wechat_pay.combined_request import COMBINED_NUMBER, read_close, read_combined
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import Result, check_app_and_payer, opened
from wxbackend.simulators.wechat_pay.parties import check_merchant
from wxbackend.simulators.wechat_pay.validation import check, parse_object
from wxbackend.simulators.world import World

Operation = Callable[[World, Call], Result]
PREFIX = "/combine-transactions"


def add_to(pages: Blueprint, world: World, converse: Callable[[World, str, Operation], Response]) -> None:
    """Add these paths to the Pay API; mischief knows them as the paths of single orders."""

    @pages.post(f"{PREFIX}/<any(jsapi, native, h5, app):product>")
    def combined_order(product: str) -> Response:
        return converse(world, "order", _order(product, request.host_url.rstrip("/")))

    @pages.get(f"{PREFIX}/out-trade-no/<number>")
    def combined_query(number: str) -> Response:
        return converse(world, "query", _query(number))

    @pages.post(f"{PREFIX}/out-trade-no/<number>/close")
    def combined_close(number: str) -> Response:
        return converse(world, "close", _close(number))


def _order(product: str, origin: str) -> Operation:
    def operation(world: World, call: Call) -> Result:
        wish = read_combined(product, parse_object(call.body))
        check_merchant(call, wish.mchid)
        for each in wish.orders:
            check_merchant(call, each.mchid)
        check_app_and_payer(world, wish.orders[0])
        prepay = world.combined.place(wish)
        return Result(opened(world, wish.orders[0], prepay, origin), wish.orders[0].out_trade_no)

    return operation


def _query(number: str) -> Operation:
    def operation(world: World, _call: Call) -> Result:
        check(number, COMBINED_NUMBER, "/combine_out_trade_no")
        return Result(world.combined.view(world.combined.get(number)))

    return operation


def _close(number: str) -> Operation:
    def operation(world: World, call: Call) -> Result:
        appid, listed = read_close(parse_object(call.body))
        check(number, COMBINED_NUMBER, "/combine_out_trade_no")
        world.combined.close(number, appid, listed)
        return Result(None, listed[0][1] if listed else None)

    return operation

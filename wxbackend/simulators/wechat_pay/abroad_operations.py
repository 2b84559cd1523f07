"""What the global API does once a request has passed the gate: orders, queries, closing, refunds and statements."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from wxbackend.simulators.clock import BEIJING
from wxbackend.simulators.wechat_pay.abroad_request import (
    ProductAbroad,
    read_order_abroad,
    read_refund_abroad,
)
from wxbackend.simulators.wechat_pay.abroad_views import accepted_view, refund_view_abroad
from wxbackend.simulators.wechat_pay.bill_operations import READY_HOUR, TORN_PART
from wxbackend.simulators.wechat_pay.bills import Spoiling
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import Result, check_app_and_payer, owned
from wxbackend.simulators.wechat_pay.order_request import OUT_TRADE_NO, read_close
from wxbackend.simulators.wechat_pay.orders import transaction_view
from wxbackend.simulators.wechat_pay.parties import Parties, check_merchant, check_named
from wxbackend.simulators.wechat_pay.refund_operations import accept_refund, owned_refund
from wxbackend.simulators.wechat_pay.refund_request import OUT_REFUND_NO
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_EXTRA_PARAMETER,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_OUT_OF_RANGE,
    CAUSE_PARAMETER,
    Refusal,
    bad_parameter,
)
from wxbackend.simulators.wechat_pay.statements import statement
from wxbackend.simulators.wechat_pay.validation import check, parse_object
from wxbackend.simulators.world import World

Operation = Callable[[World, Call], Result]
DAYS_KEPT: Final = 180
DAY: Final = re.compile(r"\d{8}")


def create_order_abroad(product: ProductAbroad, origin: str) -> Operation:
    """Place an order of one product; `origin` is where this WeChat's own pages are."""

    def operation(world: World, call: Call) -> Result:
        wish = read_order_abroad(product, parse_object(call.body))
        check_merchant(call, wish.mchid)
        check_app_and_payer(world, wish)
        prepay = world.orders.place(wish)
        opened: dict[str, object] = {"prepay_id": prepay.prepay_id}
        if wish.trade_type == "NATIVE":
            opened = {"code_url": world.entrances.open_code(wish.out_trade_no)}
        if wish.trade_type == "MWEB":
            opened = {"mweb_url": world.entrances.open_page(origin, prepay)}
        return Result(opened, wish.out_trade_no)

    return operation


def query_abroad(query: Mapping[str, str], *, out_trade_no: str = "", transaction_id: str = "") -> Operation:
    """An order by the merchant's number or by WeChat's."""

    def operation(world: World, call: Call) -> Result:
        parties = _asks(world, call, query)
        if transaction_id:
            return Result(transaction_view(owned(world.orders.get_by_transaction(transaction_id), parties)))
        check(out_trade_no, OUT_TRADE_NO, "/out_trade_no")
        return Result(transaction_view(owned(world.orders.get(out_trade_no), parties)))

    return operation


def close_abroad(*, out_trade_no: str = "", transaction_id: str = "") -> Operation:
    """Close an unpaid order: 204 without a body."""

    def operation(world: World, call: Call) -> Result:
        parties = check_named(world, call, read_close(parse_object(call.body), partner=False), partner=False)
        number = out_trade_no
        if transaction_id:
            number = world.orders.get_by_transaction(transaction_id).request.out_trade_no
        check(number, OUT_TRADE_NO, "/out_trade_no")
        owned(world.orders.get(number), parties)
        world.orders.close(number)
        return Result(None, number)

    return operation


def create_refund_abroad(world: World, call: Call) -> Result:
    """Accept a refund, or say again that the same one was accepted."""
    body = parse_object(call.body)
    wish, appid = read_refund_abroad(body)
    parties = check_named(world, call, body, partner=False)
    refund = accept_refund(world, wish, parties=parties, appid=appid)
    return Result(accepted_view(refund), out_refund_no=wish.out_refund_no)


def query_refund_abroad(query: Mapping[str, str], *, out_refund_no: str = "", refund_id: str = "") -> Operation:
    """A refund by the merchant's number or by WeChat's."""

    def operation(world: World, call: Call) -> Result:
        parties = _asks(world, call, query)
        if refund_id:
            return Result(refund_view_abroad(owned_refund(world, world.refunds.get_by_id(refund_id), parties)))
        check(out_refund_no, OUT_REFUND_NO, "/out_refund_no")
        return Result(refund_view_abroad(owned_refund(world, world.refunds.get(out_refund_no), parties)))

    return operation


def download_statement(query: Mapping[str, str]) -> Operation:
    """A day's statement itself; its SHA-1 stands in a header, and the signature is over that."""

    def operation(world: World, call: Call) -> Result:
        for parameter in query:
            if parameter not in ("date", "mchid"):
                raise bad_parameter(f"/{parameter}", "请求中含有未在API文档中定义的参数", cause=CAUSE_EXTRA_PARAMETER)
        check_merchant(call, query.get("mchid"))
        day = _day(query.get("date"), world.clock.now())
        with world.lock:
            spoiling = world.spoiled_bills.get(day, Spoiling())
            plain = statement(world, day, spoiling)
        if plain is None:
            raise Refusal(400, "NO_STATEMENT_EXIST", "账单不存在", cause=CAUSE_ORDER_NOT_FOUND)
        digest = hashlib.sha1(plain, usedforsecurity=False).hexdigest()
        if spoiling.file == "wrong_hash":
            digest = digest[::-1]
        if spoiling.file == "torn":
            plain = plain[: len(plain) // TORN_PART]
        return Result(None, file=plain, digest=digest)

    return operation


def _asks(world: World, call: Call, query: Mapping[str, str]) -> Parties:
    """Who asks, by the only parameter that a query has."""
    for parameter in query:
        if parameter != "mchid":
            raise bad_parameter(f"/{parameter}", "非法的额外参数", cause=CAUSE_EXTRA_PARAMETER)
    return check_named(world, call, query, partner=False)


def _day(text: str | None, now: float) -> str:
    """The day that was asked for as YYYY-MM-DD, if its statement can be had. Raises Refusal."""
    try:
        day = date.fromisoformat(text) if text and DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise bad_parameter("/date", "格式应为YYYYMMDD", value=text)
    moment = datetime.fromtimestamp(int(now), BEIJING)
    if day >= moment.date():
        raise Refusal(400, "INVALID_REQUEST", "账单日期不能是当天或未来的日期", cause=CAUSE_PARAMETER)
    if (moment.date() - day).days > DAYS_KEPT:
        raise Refusal(400, "INVALID_REQUEST", "仅支持180天内的账单", cause=CAUSE_OUT_OF_RANGE)
    if day == moment.date() - timedelta(days=1) and moment.hour < READY_HOUR:
        raise Refusal(400, "STATEMENT_CREATING", "账单生成中", cause=CAUSE_PARAMETER)
    return day.isoformat()

"""What WeChat Pay does about bills: names a file's place and hash, strictly by the day, then hands the file over once.

A bill can be had from 10:00 of the next day for three months; the place is good for five minutes.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from wxbackend.simulators.clock import BEIJING
from wxbackend.simulators.wechat_pay.bills import FUNDS, TRADE, Parcel, Side, Spoiling, fund_flow, trade_bill
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import Result
from wxbackend.simulators.wechat_pay.parties import SUB_MCHID, Parties, check_beside
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_EXTRA_PARAMETER,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_OUT_OF_RANGE,
    CAUSE_PARAMETER,
    Refusal,
    bad_parameter,
)
from wxbackend.simulators.world import World

TOKEN_LASTS_S = 300
READY_HOUR = 10
DAYS_KEPT = 90
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
CHOICES = {
    TRADE: ("bill_type", ("ALL", "SUCCESS", "REFUND")),
    FUNDS: ("account_type", ("BASIC", "OPERATION", "FEES")),
}
TORN_PART = 2


def offer_bill(kind: str, query: Mapping[str, str], root: str) -> Callable[[World, Call], Result]:
    """The hash and the place of a day's bill."""

    def operation(world: World, call: Call) -> Result:
        name, choices = CHOICES[kind]
        own = call.mchid == world.credentials.mchid
        known = ("bill_date", "tar_type", name) if own else ("bill_date", "tar_type", name, SUB_MCHID)
        for parameter in query:
            if parameter not in known:
                raise bad_parameter(f"/{parameter}", "请求中含有未在API文档中定义的参数", cause=CAUSE_EXTRA_PARAMETER)
        choice = query.get(name, choices[0])
        if choice not in choices:
            raise bad_parameter(f"/{name}", "不在枚举值范围内", value=choice)
        if query.get("tar_type", "GZIP") != "GZIP":
            raise bad_parameter("/tar_type", "不在枚举值范围内", value=query["tar_type"])
        whose = Parties(call.mchid, "") if own else Parties("", "", sp_mchid=call.mchid)
        if SUB_MCHID in query:
            whose = check_beside(world, call, query)
        day = _day(query.get("bill_date"), world.clock.now())
        with world.lock:
            plain = _make(world, kind, day, choice, whose)
            if plain is None:
                raise Refusal(400, "NO_STATEMENT_EXIST", "账单文件不存在", cause=CAUSE_ORDER_NOT_FOUND)
            return Result(_offer(world, day, plain, packed="tar_type" in query, root=root))

    return operation


def fetch_file(query: Mapping[str, str]) -> Callable[[World, Call], Result]:
    """The file of a place that was named less than five minutes ago."""

    def operation(world: World, _call: Call) -> Result:
        with world.lock:
            parcel = world.bill_parcels.get(query.get("token", ""))
            if parcel is None or parcel.until < world.clock.now():
                raise Refusal(404, "RESOURCE_NOT_EXISTS", "文件不存在或已过期", cause=CAUSE_ORDER_NOT_FOUND)
            return Result(None, file=parcel.content)

    return operation


def _make(world: World, kind: str, day: str, choice: str, whose: Parties) -> bytes | None:
    """The bill of one merchant, of one sub-merchant, or of all of a service provider's."""
    orders = [
        order
        for order in world.orders.everything()
        if order.request.sp_mchid == whose.sp_mchid and whose.mchid in ("", order.request.mchid)
    ]
    numbers = {order.request.out_trade_no for order in orders}
    refunds = [refund for refund in world.refunds.everything() if refund.out_trade_no in numbers]
    side = Side(whose.sp_mchid or whose.mchid, orders, refunds, world.bill_rate_millionths)
    spoiling = world.spoiled_bills.get(day, Spoiling())
    if kind == TRADE:
        return trade_bill(side, day, choice, spoiling)
    return fund_flow(side, day, spoiling) if choice == "BASIC" else None


def _offer(world: World, day: str, plain: bytes, *, packed: bool, root: str) -> dict[str, object]:
    fault = world.spoiled_bills.get(day, Spoiling()).file
    digest = hashlib.sha1(plain, usedforsecurity=False).hexdigest()
    if fault == "wrong_hash":
        digest = digest[::-1]
    content = gzip.compress(plain) if packed else plain
    if fault == "torn":
        content = content[: len(content) // TORN_PART]
    token, now = secrets.token_urlsafe(48), world.clock.now()
    world.bill_parcels = {name: each for name, each in world.bill_parcels.items() if each.until >= now}
    world.bill_parcels[token] = Parcel(content, now + TOKEN_LASTS_S)
    return {
        "hash_type": "SHA1",
        "hash_value": digest,
        "download_url": f"{root.rstrip('/')}/v3/billdownload/file?token={token}",
    }


def _day(text: str | None, now: float) -> str:
    """The day that was asked for, if its bill can be had. Raises Refusal."""
    try:
        day = date.fromisoformat(text) if text and DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or text is None:
        raise bad_parameter("/bill_date", "格式应为YYYY-MM-DD", value=text)
    moment = datetime.fromtimestamp(int(now), BEIJING)
    if day >= moment.date():
        raise Refusal(400, "INVALID_REQUEST", "账单日期不能是当天或未来的日期", cause=CAUSE_PARAMETER)
    if (moment.date() - day).days > DAYS_KEPT:
        raise Refusal(400, "INVALID_REQUEST", "仅支持三个月内的账单下载申请", cause=CAUSE_OUT_OF_RANGE)
    if day == moment.date() - timedelta(days=1) and moment.hour < READY_HOUR:
        raise Refusal(400, "STATEMENT_CREATING", "账单生成中，请10点后再试", cause=CAUSE_PARAMETER)
    return text

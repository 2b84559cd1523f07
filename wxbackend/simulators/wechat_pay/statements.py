"""A day's statement of the global API: one file of payments and refunds, each with the currencies it was told in.

UTF-8, a line of names, rows whose every value begins with a back-tick, and no sums at the end. Amounts have two
decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wxbackend.simulators.wechat_pay import exchange
from wxbackend.simulators.wechat_pay.bills import (
    REFUND_WORDS,
    Spoiling,
    day_of,
    decimal,
    fee_of,
    moment_text,
    rate_text,
)
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_pay.refunds import CLOSED, Refund
from wxbackend.simulators.world import World

COLUMNS: Final = (
    "交易时间", "公众账号ID", "商户号", "子商户号", "设备号", "微信订单号", "商户订单号", "用户标识", "交易类型",
    "交易状态", "付款银行", "充值券币种", "充值券金额", "优惠券币种", "优惠券金额", "微信退款单号", "商户退款单号",
    "退款类型", "退款状态", "商品名称", "商户数据包", "手续费", "费率", "标价币种", "订单金额(标价币种)",
    "用户支付币种", "用户支付金额", "结算币种", "应结订单金额", "支付汇率", "退款汇率", "申请退款金额", "用户退款币种",
    "用户退款金额", "退款结算币种", "退款应结订单金额", "充值券退款金额", "优惠券退款金额",
)  # fmt: skip
NUMBER_COLUMN: Final = 6


def statement(world: World, day: str, spoiling: Spoiling) -> bytes | None:
    """The file, or None for a day without rows. The desk may leave rows out, change them and spoil the file."""
    orders = [order for order in world.orders.everything() if order.request.abroad and order.payment is not None]
    by_number = {order.request.out_trade_no: order for order in orders}
    rate = world.bill_rate_millionths
    rows = [_payment(order, rate) for order in orders if order.payment and day_of(order.payment.paid_at) == day]
    rows += [
        _refund(refund, by_number[refund.out_trade_no], rate)
        for refund in world.refunds.everything()
        if refund.request.abroad and day_of(refund.created_at) == day
    ]
    rows = [_changed(row, spoiling.change) for row in rows if _number(row) not in spoiling.omit]
    if not rows:
        return None
    rows.sort(key=lambda row: row["交易时间"])
    names = [name for name in COLUMNS if spoiling.file != "no_column" or name != COLUMNS[NUMBER_COLUMN]]
    lines = [",".join(names), *(",".join(f"`{row.get(name, '')}" for name in names) for row in rows)]
    if spoiling.file == "cut_row":
        lines[1] = lines[1].rsplit(",`", 2)[0]
    return ("\r\n".join(lines) + "\r\n").encode()


def _common(order: Order, rate_millionths: int) -> dict[str, str]:
    request, payment = order.request, order.payment
    assert payment is not None
    return {
        "公众账号ID": request.appid,
        "商户号": request.mchid,
        "微信订单号": payment.transaction_id,
        "商户订单号": request.out_trade_no,
        "用户标识": payment.openid,
        "交易类型": request.trade_type,
        "付款银行": payment.bank_type,
        "商品名称": request.description,
        "费率": rate_text(rate_millionths),
        "标价币种": request.currency,
        "订单金额(标价币种)": decimal(request.total),
        "用户支付币种": exchange.YUAN,
        "用户支付金额": decimal(exchange.in_yuan(request.total, request.currency)),
        "结算币种": exchange.SETTLEMENT,
        "支付汇率": str(exchange.settlement_rate(request.currency)),
    }


def _payment(order: Order, rate_millionths: int) -> dict[str, str]:
    assert order.payment is not None
    settled = exchange.settled(order.request.total, order.request.currency)
    return _common(order, rate_millionths) | {
        "交易时间": moment_text(order.payment.paid_at),
        "交易状态": "SUCCESS",
        "应结订单金额": decimal(settled),
        "手续费": decimal(fee_of(settled, rate_millionths)),
    }


def _refund(refund: Refund, order: Order, rate_millionths: int) -> dict[str, str]:
    request = refund.request
    settled = exchange.settled(request.refund, request.currency)
    returned = fee_of(settled, rate_millionths) if refund.status != CLOSED else 0
    return _common(order, rate_millionths) | {
        "交易时间": moment_text(refund.created_at),
        "交易状态": "REFUND",
        "应结订单金额": decimal(0),
        "手续费": decimal(-returned),
        "微信退款单号": refund.refund_id,
        "商户退款单号": request.out_refund_no,
        "退款类型": refund.channel,
        "退款状态": REFUND_WORDS[refund.status],
        "退款汇率": str(exchange.settlement_rate(request.currency)),
        "申请退款金额": decimal(request.refund),
        "用户退款币种": exchange.YUAN,
        "用户退款金额": decimal(exchange.in_yuan_of_part(request.refund, request.total, request.currency)),
        "退款结算币种": exchange.SETTLEMENT,
        "退款应结订单金额": decimal(settled),
    }


def _number(row: Mapping[str, str]) -> str:
    return row.get("商户退款单号") or row["商户订单号"]


def _changed(row: dict[str, str], changes: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    wish = changes.get(_number(row))
    if wish is None:
        return row
    changed = dict(row)
    if isinstance(wish.get("amount"), int):
        name = "申请退款金额" if "商户退款单号" in row else "订单金额(标价币种)"
        changed[name] = decimal(int(str(wish["amount"])))
    if isinstance(wish.get("fee"), int):
        changed["手续费"] = decimal(int(str(wish["fee"])))
    if "currency" in wish:
        changed["标价币种"] = str(wish["currency"])
    return changed

"""Payments by code in API v2: `micropay`, and `reverse`, which wants the certificate and says `recall`."""

from __future__ import annotations

from wxbackend.simulators.payment_codes import CODE
from wxbackend.simulators.wechat_pay import code_payments
from wxbackend.simulators.wechat_pay.code_payments import TRADE_TYPE, CodeRefusedError
from wxbackend.simulators.wechat_pay.operations import check_app
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_pay.refusal import CAUSE_NONE, Refusal
from wxbackend.simulators.wechat_pay.v2.fields import lacking
from wxbackend.simulators.wechat_pay.v2.gate import Asked
from wxbackend.simulators.wechat_pay.v2.operations import Told, check_order_app
from wxbackend.simulators.wechat_pay.v2.order_reading import read_charge
from wxbackend.simulators.wechat_pay.v2.views import payment_fields
from wxbackend.simulators.world import World

ASKED_FOR_PIN = ("USERPAYING", "需要用户输入支付密码")
# Reference: WeChat Pay API v2, micropay and reverse, error codes.
_CHARGE_REFUSALS = {
    "unknown": ("AUTH_CODE_INVALID", "请扫描微信支付被扫条码/二维码"),
    "used": ("AUTH_CODE_ERROR", "每个二维码仅限使用一次，请刷新再试"),
    "expired": ("AUTHCODEEXPIRE", "二维码已过期，请用户在微信上刷新后再试"),
    "no_money": ("NOTENOUGH", "余额不足"),
    "paid": ("ORDERPAID", "订单已支付"),
    "changed": ("OUT_TRADE_NO_USED", "商户订单号重复"),
    "closed": ("ORDERCLOSED", "订单已关闭"),
    "reversed": ("ORDERREVERSED", "订单已撤销"),
}
_REVERSE_REFUSALS = {
    "no_order": ("ORDERNOTEXIST", "订单不存在"),
    "other_product": ("INVALID_REQUEST", "仅支持撤销付款码支付的订单"),
    "too_late": ("REVERSE_EXPIRE", "订单已超过可撤销的最大期限"),
    "refunded": ("TRADE_ERROR", "订单已发生退款，不能撤销"),
}
# So long as one of these is told, the reversal is to be called again.
_AGAIN = frozenset({"SYSTEMERROR", "FREQUENCY_LIMITED", "USERPAYING"})


def charge_code(world: World, asked: Asked) -> Told:
    """Charge a payment code: it is paid, or the buyer is asked for the PIN, which counts as an error."""
    wish, digits = read_charge(asked), asked.get("auth_code")
    check_app(world, wish.appid, trade_type=TRADE_TYPE)
    if not CODE.fullmatch(digits):
        raise _refusal(_CHARGE_REFUSALS["unknown"])
    try:
        order = code_payments.charge(world, wish, digits)
    except CodeRefusedError as refused:
        raise _refusal(_CHARGE_REFUSALS[refused.why]) from refused
    if not order.paid:
        raise _refusal(ASKED_FOR_PIN)
    return Told(payment_fields(order), wish.out_trade_no)


def reverse_charge(world: World, asked: Asked) -> Told:
    """Reverse a charge, named by either number."""
    order = _named(world, asked)
    if order is None:
        raise _refusal(_REVERSE_REFUSALS["no_order"])
    check_order_app(asked, order)
    number = order.request.out_trade_no
    try:
        again = code_payments.reverse(world, number)
    except CodeRefusedError as refused:
        raise _refusal(_REVERSE_REFUSALS[refused.why]) from refused
    return Told({"recall": "Y" if again else "N"}, number)


def recall_after(code: str) -> str:
    """What `recall` says beside an error of a reversal."""
    return "Y" if code in _AGAIN else "N"


def _named(world: World, asked: Asked) -> Order | None:
    number, transaction = asked.get("out_trade_no"), asked.get("transaction_id")
    if not number and not transaction:
        raise lacking("out_trade_no")
    return world.orders.find_by_transaction(transaction) if transaction else world.orders.find(number)


def _refusal(told: tuple[str, str]) -> Refusal:
    return Refusal(400, *told, cause=CAUSE_NONE)

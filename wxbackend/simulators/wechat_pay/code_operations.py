"""Payments by code in API v3: `codepay` and its reversal, with the codes and statuses of that version."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from wxbackend.simulators.payment_codes import CODE
from wxbackend.simulators.wechat_pay import code_payments
from wxbackend.simulators.wechat_pay.code_payments import TRADE_TYPE, CodeRefusedError
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import Result, check_parties
from wxbackend.simulators.wechat_pay.order_request import GOODS, OUT_TRADE_NO, OrderRequest
from wxbackend.simulators.wechat_pay.orders import transaction_view
from wxbackend.simulators.wechat_pay.parties import (
    NUMBER,
    PARTNER_MERCHANT,
    check_named,
    check_owner,
    partner_shape,
    read_parties,
)
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_ALREADY_PAID,
    CAUSE_CHANGED_REPEAT,
    CAUSE_ORDER_INVALID,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_ORDER_PAID,
    CAUSE_PARAMETER,
    Refusal,
    bad_parameter,
)
from wxbackend.simulators.wechat_pay.validation import Flag, Many, Shape, Text, Whole, check, parse_object
from wxbackend.simulators.world import World

# Members: reference, WeChat Pay v3 payment code; lengths as in every order.
CODE_PAY = Shape(
    required={
        "appid": Text(32, 1),
        "mchid": NUMBER,
        "description": Text(127, 1),
        "out_trade_no": OUT_TRADE_NO,
        "amount": Shape(required={"total": Whole(1)}, optional={"currency": Text(16)}),
        "payer": Shape(required={"auth_code": Text(32, 1)}, optional={}),
        "scene_info": Shape(
            required={"store_info": Shape(required={}, optional={"id": Text(32, 1), "out_id": Text(32, 1)})},
            optional={"device_id": Text(32, 1), "device_ip": Text(45, 1)},
        ),
    },
    optional={
        "attach": Text(128),
        "goods_tag": Text(32),
        "support_fapiao": Flag(),
        "detail": Shape(
            required={"goods_detail": Many(GOODS)},
            optional={"cost_price": Whole(0), "invoice_id": Text(32)},
        ),
        "settle_info": Shape(required={}, optional={"profit_sharing": Flag()}),
    },
)
REVERSE = Shape(required={"appid": Text(32, 1), "mchid": NUMBER}, optional={})
PARTNER_CODE_PAY = partner_shape(CODE_PAY)
PARTNER_REVERSE = Shape(required={"sp_appid": Text(32, 1), **PARTNER_MERCHANT}, optional={"sub_appid": Text(32, 1)})

_CHARGE_REFUSALS = {
    "unknown": (400, "AUTH_CODE_INVALID", "请扫描微信支付被扫条码/二维码", CAUSE_PARAMETER),
    "used": (400, "AUTH_CODE_ERROR", "每个二维码仅限使用一次，请刷新再试", CAUSE_PARAMETER),
    "expired": (400, "AUTH_CODE_EXPIRE", "二维码已过期，请用户在微信上刷新后再试", CAUSE_PARAMETER),
    "no_money": (403, "NOT_ENOUGH", "用户余额不足，请换其他卡支付", CAUSE_PARAMETER),
    "paid": (400, "ORDER_PAID", "该订单已支付", CAUSE_ORDER_PAID),
    "changed": (403, "OUT_TRADE_NO_USED", "商户订单号重复", CAUSE_CHANGED_REPEAT),
    "closed": (400, "ORDER_CLOSED", "该订单已失效", CAUSE_ORDER_INVALID),
    "reversed": (400, "ORDER_REVERSED", "该订单已撤销", CAUSE_ORDER_INVALID),
}
_REVERSE_REFUSALS = {
    "no_order": (404, "ORDER_NOT_EXIST", "订单不存在", CAUSE_ORDER_NOT_FOUND),
    "other_product": (400, "INVALID_REQUEST", "仅支持撤销付款码支付的订单", CAUSE_PARAMETER),
    "too_late": (400, "INVALID_REQUEST", "订单已超过可撤销的最大期限", CAUSE_ORDER_INVALID),
    "refunded": (400, "TRADE_ERROR", "订单已发生退款，不能撤销", CAUSE_ALREADY_PAID),
}


def charge_code(*, partner: bool = False) -> Callable[[World, Call], Result]:
    """Charge a payment code."""

    def operation(world: World, call: Call) -> Result:
        wish, digits = read_charge(parse_object(call.body), partner=partner)
        check_named(world, call, wish.body, partner=partner)
        check_parties(world, wish.parties, trade_type=TRADE_TYPE)
        try:
            order = code_payments.charge(world, wish, digits)
        except CodeRefusedError as refused:
            raise _refusal(_CHARGE_REFUSALS, refused) from refused
        return Result(transaction_view(order), wish.out_trade_no)

    return operation


def reverse_charge(out_trade_no: str, *, partner: bool = False) -> Callable[[World, Call], Result]:
    """Reverse a charge. A reversal that is put off says so in `recall`, as v2 does; else the member is absent."""

    def operation(world: World, call: Call) -> Result:
        body = parse_object(call.body)
        check(body, PARTNER_REVERSE if partner else REVERSE)
        named = check_named(world, call, body, partner=partner)
        check_parties(world, read_parties(body), trade_type=TRADE_TYPE)
        check(out_trade_no, OUT_TRADE_NO, "/out_trade_no")
        order = world.orders.find(out_trade_no)
        if order is not None:
            check_owner(order.request, named)
        try:
            again = code_payments.reverse(world, out_trade_no)
        except CodeRefusedError as refused:
            raise _refusal(_REVERSE_REFUSALS, refused) from refused
        view = {**body, "out_trade_no": out_trade_no}
        return Result(view | ({"recall": "Y"} if again else {}), out_trade_no)

    return operation


def read_charge(body: dict[str, object], *, partner: bool = False) -> tuple[OrderRequest, str]:
    """The order in a charge, and the code. Raises Refusal with the code a merchant would get."""
    check(body, PARTNER_CODE_PAY if partner else CODE_PAY)
    amount = cast("dict[str, object]", body["amount"])
    if amount.get("currency", "CNY") != "CNY":
        raise Refusal(400, "INVALID_REQUEST", "暂不支持境外支付", cause=CAUSE_PARAMETER)
    digits = cast("dict[str, str]", body["payer"])["auth_code"]
    if not CODE.fullmatch(digits):
        raise bad_parameter("/payer/auth_code", "应为以10至15开头的18位数字")
    scene, parties = cast("dict[str, str]", body["scene_info"]), read_parties(body)
    wish = OrderRequest(
        appid=parties.appid,
        mchid=parties.mchid,
        out_trade_no=str(body["out_trade_no"]),
        description=str(body["description"]),
        notify_url="",
        total=cast("int", amount["total"]),
        openid="",
        trade_type=TRADE_TYPE,
        lifetime_ends=None,
        attach=cast("str | None", body.get("attach")),
        device_id=scene.get("device_id"),
        body=body,
        sp_mchid=parties.sp_mchid,
        sp_appid=parties.sp_appid,
        sub_appid=parties.sub_appid,
    )
    return wish, digits


def _refusal(table: dict[str, tuple[int, str, str, int]], refused: CodeRefusedError) -> Refusal:
    status, code, message, cause = table[refused.why]
    return Refusal(status, code, message, cause=cause)

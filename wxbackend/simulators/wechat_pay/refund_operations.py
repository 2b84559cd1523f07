"""What WeChat Pay does about refunds once a request has passed the gate: accept, tell, and rescue an abnormal one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wxbackend.simulators.buyers import account_of
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import NOTICE_WAIT_S, Result
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_pay.parties import Parties, check_beside, check_owner
from wxbackend.simulators.wechat_pay.refund_request import (
    OUT_REFUND_NO,
    RefundRequest,
    RescueRequest,
    read_refund,
    read_rescue,
)
from wxbackend.simulators.wechat_pay.refunds import PROCESSING, RESERVING, Refund, refund_view
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_PARAMETER,
    Refusal,
    bad_parameter,
)
from wxbackend.simulators.wechat_pay.signing import open_field
from wxbackend.simulators.wechat_pay.validation import check, parse_object
from wxbackend.simulators.world import World


def create_refund(world: World, call: Call) -> Result:
    """Accept a refund, or tell where the same one stands."""
    wish = read_refund(parse_object(call.body))
    parties = check_beside(world, call, wish.body)
    return Result(refund_view(accept_refund(world, wish, parties=parties)), out_refund_no=wish.out_refund_no)


def accept_refund(world: World, wish: RefundRequest, *, parties: Parties, appid: str | None = None) -> Refund:
    """The refund that is wished for, new or as it was made before; who is named must be those of its order."""
    with world.lock:
        refund = world.refunds.repeated(wish)
        if refund is None:
            order = _order(world, wish)
            check_owner(order.request, parties, unknown="RESOURCE_NOT_EXISTS")
            if order.request.currency != wish.currency:
                raise Refusal(400, "INVALID_REQUEST", "退款币种与订单币种不一致", cause=CAUSE_PARAMETER)
            if appid not in (None, order.request.appid):
                raise Refusal(400, "PARAM_ERROR", "appid与订单不匹配", cause=CAUSE_PARAMETER)
            _check_not_shared_away(world, order, wish)
            refund = world.refunds.accept(wish, order=order, receiver=_payer_account(world, order))
    world.settler.nudge()
    return refund


def query_refund(out_refund_no: str, query: Mapping[str, str]) -> Callable[[World, Call], Result]:
    """A refund by the merchant's number."""

    def operation(world: World, call: Call) -> Result:
        parties = check_beside(world, call, query)
        check(out_refund_no, OUT_REFUND_NO, "/out_refund_no")
        return Result(refund_view(owned_refund(world, world.refunds.get(out_refund_no), parties)))

    return operation


def rescue_refund(refund_id: str) -> Callable[[World, Call], Result]:
    """Send an abnormal refund to a bank card instead."""

    def operation(world: World, call: Call) -> Result:
        body = parse_object(call.body)
        wish = read_rescue(body)
        owned_refund(world, world.refunds.get_by_id(refund_id), check_beside(world, call, body))
        _check_encryption(world, call, wish)
        refund = world.refunds.rescue(refund_id, wish)
        world.settler.nudge()
        return Result(refund_view(refund))

    return operation


def settle_at_once(world: World, result: Result) -> None:
    """The refund ends as planned before the merchant has our answer, and its notice goes out first."""
    if result.out_refund_no is None:
        return
    with world.lock:
        refund = world.refunds.get(result.out_refund_no)
        if refund.status == PROCESSING:
            refund = world.refunds.settle(result.out_refund_no, refund.planned)
    for parcel in world.courier.parcels():
        if parcel.notice.out_refund_no == result.out_refund_no:
            world.courier.wait_attempted(parcel.notice.id, NOTICE_WAIT_S)


def owned_refund(world: World, refund: Refund, parties: Parties) -> Refund:
    """The refund, if its order belongs to who is named. Raises Refusal otherwise."""
    check_owner(world.orders.get(refund.out_trade_no).request, parties, unknown="RESOURCE_NOT_EXISTS")
    return refund


def _order(world: World, wish: RefundRequest) -> Order:
    order = (
        world.orders.find_by_transaction(wish.transaction_id)
        if wish.transaction_id is not None
        else world.orders.find(wish.out_trade_no or "")
    )
    if order is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "订单不存在", cause=CAUSE_ORDER_NOT_FOUND)
    return order


def _check_not_shared_away(world: World, order: Order, wish: RefundRequest) -> None:
    """What other merchants were given of the order has to come back before it can be refunded."""
    if order.payment is None:
        return
    away = world.sharings.held_by_merchants(order.payment.transaction_id)
    earlier = world.refunds.of_order(order.request.out_trade_no)
    reserved = sum(each.request.refund for each in earlier if each.status in RESERVING)
    if away and wish.refund > order.request.total - reserved - away:
        raise Refusal(400, "INVALID_REQUEST", "订单已分账，请先发起分账回退再退款", cause=CAUSE_PARAMETER)


def _payer_account(world: World, order: Order) -> str:
    """Where the money goes back to; an order that nobody paid is refused as such by the book."""
    if order.payment is None:
        return ""
    owner = world.buyers.owner(order.payment.openid)
    if owner is None:
        raise Refusal(403, "USER_ACCOUNT_ABNORMAL", "用户账户异常", cause=CAUSE_PARAMETER)
    return account_of(owner[0].id)


def _check_encryption(world: World, call: Call, wish: RescueRequest) -> None:
    if not wish.encrypted:
        return
    key = world.keys.private_key(call.wechatpay_serial or "")
    if key is None:
        raise Refusal(400, "PARAM_ERROR", "Http头Wechatpay-Serial缺少或无效", cause=CAUSE_PARAMETER)
    for name, value in wish.encrypted.items():
        if not open_field(key, value):
            raise bad_parameter(f"/{name}", "敏感信息解密失败")

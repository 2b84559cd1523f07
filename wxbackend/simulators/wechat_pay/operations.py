"""What WeChat Pay does once a request has passed the gate; each operation gives a result or raises Refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wxbackend.simulators.wechat_pay.cashier import CHANNELS, settle_order
from wxbackend.simulators.wechat_pay.combined_orders import refuse_part
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.order_request import (
    OUT_TRADE_NO,
    OrderRequest,
    Product,
    read_close,
    read_order,
)
from wxbackend.simulators.wechat_pay.orders import Order, Prepay, transaction_view
from wxbackend.simulators.wechat_pay.parties import (
    Parties,
    check_named,
    check_owner,
    is_bound,
)
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_APPID_MISMATCH,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_PARAMETER,
    Refusal,
)
from wxbackend.simulators.wechat_pay.validation import check, parse_object
from wxbackend.simulators.world import World

NOTICE_WAIT_S = 6.0


@dataclass(frozen=True, slots=True)
class Result:
    """A success: the body (None for 204), and the order or refund it concerns if it made one."""

    body: Mapping[str, object] | None
    out_trade_no: str | None = None
    out_refund_no: str | None = None
    file: bytes | None = None
    """A file, which is not signed."""
    digest: str | None = None
    """The SHA-1 of a file, where the signature is over it."""


def create_order(product: Product, origin: str) -> Callable[[World, Call], Result]:
    """Place an order of one product; `origin` is where this WeChat's own pages are."""

    def operation(world: World, call: Call) -> Result:
        wish = read_order(product, parse_object(call.body))
        check_named(world, call, wish.body, partner=wish.sp_mchid is not None)
        check_app_and_payer(world, wish)
        prepay = world.orders.place(wish)
        return Result(opened(world, wish, prepay, origin), wish.out_trade_no)

    return operation


def opened(world: World, wish: OrderRequest, prepay: Prepay, origin: str) -> dict[str, object]:
    """What a placed order is opened by."""
    match wish.trade_type:
        case "NATIVE":
            return {"code_url": world.entrances.open_code(wish.out_trade_no)}
        case "MWEB":
            return {"h5_url": world.entrances.open_page(origin, prepay)}
        case _:
            return {"prepay_id": prepay.prepay_id}


def query_by_out_trade_no(
    out_trade_no: str, query: Mapping[str, str], *, partner: bool = False
) -> Callable[[World, Call], Result]:
    """An order by the merchant's number."""

    def operation(world: World, call: Call) -> Result:
        parties = check_named(world, call, query, partner=partner)
        check(out_trade_no, OUT_TRADE_NO, "/out_trade_no")
        order = owned(world.orders.get(out_trade_no), parties)
        refuse_part(order)
        return Result(transaction_view(order))

    return operation


def query_by_transaction_id(
    transaction_id: str, query: Mapping[str, str], *, partner: bool = False
) -> Callable[[World, Call], Result]:
    """An order by WeChat's number, which it has once it is paid."""

    def operation(world: World, call: Call) -> Result:
        parties = check_named(world, call, query, partner=partner)
        order = owned(world.orders.get_by_transaction(transaction_id), parties)
        refuse_part(order)
        return Result(transaction_view(order))

    return operation


def close_order(out_trade_no: str, *, partner: bool = False) -> Callable[[World, Call], Result]:
    """Close an unpaid order: 204 without a body."""

    def operation(world: World, call: Call) -> Result:
        parties = check_named(world, call, read_close(parse_object(call.body), partner=partner), partner=partner)
        check(out_trade_no, OUT_TRADE_NO, "/out_trade_no")
        refuse_part(owned(world.orders.get(out_trade_no), parties))
        world.orders.close(out_trade_no)
        return Result(None, out_trade_no)

    return operation


def list_certificates(algorithm: str) -> Callable[[World, Call], Result]:
    """The platform certificates, encrypted with the APIv3 key of who asks."""

    def operation(world: World, call: Call) -> Result:
        signer = world.credentials.signs(call.mchid)
        return Result(world.keys.listing(algorithm, apiv3_key=signer.apiv3_key))

    return operation


def owned(order: Order, parties: Parties) -> Order:
    """The order, if it belongs to who is named. Raises Refusal otherwise."""
    check_owner(order.request, parties)
    return order


def refuse_unknown(_world: World, _call: Call) -> Result:
    """Answer for a path that is not reproduced."""
    raise Refusal(404, "RESOURCE_NOT_EXISTS", "请求的资源不存在", cause=CAUSE_ORDER_NOT_FOUND)


def refuse_method(_world: World, _call: Call) -> Result:
    """Answer for a path that exists, but not under this method."""
    raise Refusal(405, "METHOD_NOT_ALLOWED", "请求方法不支持", cause=CAUSE_PARAMETER)


def pay_at_once(world: World, result: Result) -> None:
    """The order's own payer, or the first buyer, pays before the merchant has our answer; the notice goes out first."""
    notice_id = _pay_as_its_payer(world, result.out_trade_no)
    if notice_id is not None:
        world.courier.wait_attempted(notice_id, NOTICE_WAIT_S)


def pay_though_closed(world: World, result: Result) -> None:
    """The close is confirmed to the merchant, and the payment that was under way wins all the same."""
    if result.out_trade_no is not None:
        for part in world.combined.parts(world.orders.get(result.out_trade_no)):
            world.orders.reopen(part.request.out_trade_no)
        _pay_as_its_payer(world, result.out_trade_no)


def _pay_as_its_payer(world: World, out_trade_no: str | None) -> str | None:
    """Pay an order by whom it was made for, or by the first buyer; the notice's id, or None for no order."""
    order = world.orders.find(out_trade_no) if out_trade_no else None
    if order is None:
        return None
    owner = world.buyers.owner(order.request.openid) if order.request.openid else None
    buyer = owner[0] if owner else world.buyers.default()
    channel = CHANNELS["official_account"]
    return settle_order(world, buyer=buyer, channel=channel, order=order, outcome="pay").notice_id


def check_app_and_payer(world: World, wish: OrderRequest) -> None:
    """Refuse an app that cannot order so, and a payer who is not of the app."""
    check_parties(world, wish.parties, trade_type=wish.trade_type)
    if wish.openid is not None:
        _check_payer(world, wish.appid, wish.openid)


def check_app(world: World, appid: str, *, trade_type: str) -> None:
    """Refuse an app that is not bound to the merchant, or that cannot order so."""
    check_parties(world, Parties(world.credentials.mchid, appid), trade_type=trade_type)


def check_parties(world: World, parties: Parties, *, trade_type: str) -> None:
    """Refuse apps that are not bound to who names them, or that cannot order so."""
    app = world.credentials.app(parties.appid)
    if app is None or not is_bound(world, parties) or not _fits(app.kind, trade_type):
        raise Refusal(
            400,
            "APPID_MCHID_NOT_MATCH",
            "appid和mch_id不匹配，请检查后再试",
            cause=CAUSE_APPID_MISMATCH,
        )


def _fits(kind: str, trade_type: str) -> bool:
    """An app of the open platform orders for itself and nobody else; codes and pages are any app's."""
    if trade_type in ("NATIVE", "MWEB", "MICROPAY"):
        return True
    return (kind == "mobile_app") is (trade_type == "APP")


def _check_payer(world: World, appid: str, openid: str) -> None:
    owner = world.buyers.owner(openid)
    if owner is None:
        raise Refusal(400, "PARAM_ERROR", "无效的openid", cause=CAUSE_PARAMETER)
    if owner[1] != appid:
        raise Refusal(400, "INVALID_REQUEST", "appid与openid不匹配", cause=CAUSE_PARAMETER)

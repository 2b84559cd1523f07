"""What WeChat Pay does about profit sharing once a request has passed the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import Result
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_pay.refunds import RESERVING
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_APPID_MISMATCH,
    CAUSE_EXTRA_PARAMETER,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_PARAMETER,
    Refusal,
    bad_parameter,
)
from wxbackend.simulators.wechat_pay.sharing_records import return_view, sharing_view
from wxbackend.simulators.wechat_pay.sharing_request import (
    ADD,
    DELETE,
    MERCHANT,
    NUMBER,
    PERSON,
    ShareRequest,
    read_return,
    read_share,
    read_unfreeze,
)
from wxbackend.simulators.wechat_pay.signing import open_field
from wxbackend.simulators.wechat_pay.validation import check, parse_object
from wxbackend.simulators.world import World


def share(world: World, call: Call) -> Result:
    """Share a payment's held-back money."""
    body = parse_object(call.body)
    wish = read_share(body, _name_opener(world, call))
    if "appid" in body:
        _check_app(world, str(body["appid"]))
    return _accept(world, wish)


def unfreeze(world: World, call: Call) -> Result:
    """Release what remains of a payment."""
    return _accept(world, read_unfreeze(parse_object(call.body)))


def query_share(out_order_no: str, query: Mapping[str, str]) -> Callable[[World, Call], Result]:
    """A sharing by the merchant's number."""

    def operation(world: World, _call: Call) -> Result:
        check(out_order_no, NUMBER, "/out_order_no")
        sharing = world.sharings.get(out_order_no, _needed(query, "transaction_id"))
        return Result(sharing_view(sharing))

    return operation


def return_share(world: World, call: Call) -> Result:
    """Bring a merchant's part back."""
    returned = world.sharings.accept_return(read_return(parse_object(call.body)))
    world.settler.nudge()
    return Result(return_view(returned))


def query_return(out_return_no: str, query: Mapping[str, str]) -> Callable[[World, Call], Result]:
    """A return by the merchant's number."""

    def operation(world: World, _call: Call) -> Result:
        check(out_return_no, NUMBER, "/out_return_no")
        returned = world.sharings.get_return(out_return_no, _needed(query, "out_order_no"))
        return Result(return_view(returned))

    return operation


def query_unsplit(transaction_id: str) -> Callable[[World, Call], Result]:
    """What of a payment may still be shared."""

    def operation(world: World, _call: Call) -> Result:
        with world.lock:
            order = world.orders.find_by_transaction(transaction_id)
            if order is None:
                raise Refusal(404, "RESOURCE_NOT_EXISTS", "订单不存在", cause=CAUSE_ORDER_NOT_FOUND)
            amount = world.sharings.unsplit(order, _refunded(world, order))
        return Result({"transaction_id": transaction_id, "unsplit_amount": amount})

    return operation


def add_receiver(world: World, call: Call) -> Result:
    """Allow sharing with somebody."""
    body = parse_object(call.body)
    check(body, ADD)
    kind, account = _receiver(world, body)
    if kind == MERCHANT and "name" not in body:
        raise bad_parameter("/name", "接收方类型为MERCHANT_ID时必填")
    if (body["relation_type"] == "CUSTOM") is not ("custom_relation" in body):
        raise bad_parameter("/custom_relation", "relation_type为CUSTOM时必填，否则无需填写")
    if "name" in body:
        _name_opener(world, call)(str(body["name"]), "/name")
    world.sharings.add_receiver(kind, account, str(body["relation_type"]))
    shown = ("type", "account", "name", "relation_type", "custom_relation")
    return Result({name: body[name] for name in shown if name in body})


def remove_receiver(world: World, call: Call) -> Result:
    """Allow it no longer."""
    body = parse_object(call.body)
    check(body, DELETE)
    kind, account = _receiver(world, body)
    world.sharings.remove_receiver(kind, account)
    return Result({"type": kind, "account": account})


def _accept(world: World, wish: ShareRequest) -> Result:
    with world.lock:
        order = world.orders.find_by_transaction(wish.transaction_id)
        refunded = 0 if order is None else _refunded(world, order)
        sharing = world.sharings.accept(wish, order=order, refunded=refunded)
    world.settler.nudge()
    return Result(sharing_view(sharing))


def _refunded(world: World, order: Order) -> int:
    refunds = world.refunds.of_order(order.request.out_trade_no)
    return sum(each.request.refund for each in refunds if each.status in RESERVING)


def _receiver(world: World, body: dict[str, object]) -> tuple[str, str]:
    _check_app(world, str(body["appid"]))
    kind, account = str(body["type"]), str(body["account"])
    if kind not in (MERCHANT, PERSON):
        raise bad_parameter("/type", "普通商户不支持该接收方类型", cause=CAUSE_EXTRA_PARAMETER)
    if kind == MERCHANT and not (account.isdigit() and 8 <= len(account) <= 12):
        raise bad_parameter("/account", "接收方商户号格式错误")
    if kind == PERSON:
        owner = world.buyers.owner(account)
        if owner is None or owner[1] != body["appid"]:
            raise Refusal(400, "INVALID_REQUEST", "appid与openid不匹配", cause=CAUSE_PARAMETER)
    return kind, account


def _check_app(world: World, appid: str) -> None:
    app = world.credentials.app(appid)
    if app is None or not app.bound:
        raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配，请检查后再试", cause=CAUSE_APPID_MISMATCH)


def _needed(query: Mapping[str, str], name: str) -> str:
    if "sub_mchid" in query:
        raise bad_parameter("/sub_mchid", "普通商户不允许传sub_mchid", cause=CAUSE_EXTRA_PARAMETER)
    if name not in query:
        raise bad_parameter(f"/{name}", "缺少必填参数")
    return query[name]


def _name_opener(world: World, call: Call) -> Callable[[str, str], str]:
    def opened(sealed: str, path: str) -> str:
        key = world.keys.private_key(call.wechatpay_serial or "")
        if key is None:
            raise Refusal(400, "PARAM_ERROR", "Http头Wechatpay-Serial缺少或无效", cause=CAUSE_PARAMETER)
        name = open_field(key, sealed)
        if not name:
            raise bad_parameter(path, "敏感信息解密失败")
        return name.decode("utf-8", "replace")

    return opened

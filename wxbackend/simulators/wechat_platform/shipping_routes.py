"""The order shipping API of mini programs, as backends call it with an access token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from wxbackend.simulators.connection import cut
from wxbackend.simulators.wechat_pay.combined_orders import Combined
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_platform.answers import PlatformError, answer, check_busy, error_answer
from wxbackend.simulators.wechat_platform.shipping_book import NOT_FOUND, Delivery
from wxbackend.simulators.wechat_platform.shipping_request import (
    FORMAT,
    PARAMETER,
    OrderKey,
    ShippingRefusedError,
    ToldParcel,
    read_combined,
    read_query_key,
    read_upload,
)
from wxbackend.simulators.world import World

PREFIX = "/wxa/sec/order"
SYSTEM_ERROR = 10060012
PAGE_SIZE_MAX = 100
MINI_PROGRAM = "mini_program"
OK: dict[str, object] = {"errcode": 0, "errmsg": "ok"}

Work = Callable[[World, str, Mapping[str, Any]], dict[str, object]]


def blueprint(world: World) -> Blueprint:
    """Every path of it."""
    pages = Blueprint("wechat_shipping", __name__, url_prefix=PREFIX)
    works: dict[str, Work] = {
        "upload_shipping_info": _upload,
        "upload_combined_shipping_info": _upload_combined,
        "get_order": _get_order,
        "get_order_list": _get_order_list,
        "notify_confirm_receive": _remind,
        "set_msg_jump_path": _set_path,
        "is_trade_managed": _is_managed,
        "is_trade_management_confirmation_completed": _is_confirmed,
    }
    for name, work in works.items():
        pages.add_url_rule(f"/{name}", name, _view(world, work), methods=["POST"])
    return pages


def _view(world: World, work: Work) -> Callable[[], Response]:
    def view() -> Response:
        uploads = work in (_upload, _upload_combined)
        if uploads and world.mischief.take_platform("shipping_drop_before"):
            return cut(request)
        try:
            check_busy(world)
            said = answer(work(world, _appid(world), _body()))
        except ShippingRefusedError as refused:
            said = error_answer(PlatformError(refused.errcode))
        except PlatformError as error:
            said = error_answer(error)
        if uploads and world.mischief.take_platform("shipping_drop_after"):
            return cut(request)
        if uploads and world.mischief.take_platform("shipping_busy_after"):
            return error_answer(PlatformError(SYSTEM_ERROR))
        return said

    return view


def _appid(world: World) -> str:
    """The mini program whose token it is."""
    token = request.args.get("access_token")
    errcode = world.tokens.verdict(token)
    if errcode:
        raise PlatformError(errcode)
    appid = world.tokens.owner(str(token))
    app = world.credentials.app(appid)
    if app is None or app.kind != MINI_PROGRAM:
        raise PlatformError(48001)
    return appid


def _body() -> Mapping[str, Any]:
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise PlatformError(FORMAT) from error
    if not isinstance(body, dict):
        raise PlatformError(FORMAT)
    return body


def _upload(world: World, appid: str, body: Mapping[str, Any]) -> dict[str, object]:
    told = read_upload(body)
    if not world.shipping.watches(appid):
        raise PlatformError(48001)
    order, _ = world.shipping.find(appid, told.key)
    if order.request.combined_in is not None:
        raise PlatformError(NOT_FOUND)
    world.shipping.upload(appid, told)
    return OK


def _upload_combined(world: World, appid: str, body: Mapping[str, Any]) -> dict[str, object]:
    """Of some of the parts or of all; each is told of by itself once its combined order is found."""
    key, told = read_combined(body)
    if not world.shipping.watches(appid):
        raise PlatformError(48001)
    for part in told:
        order, _ = world.shipping.find(appid, part.key)
        combined = world.combined.of(order)
        if combined is None or not _is_named(combined, key):
            raise PlatformError(NOT_FOUND)
    for part in told:
        world.shipping.upload(appid, part)
    return OK


def _is_named(combined: Combined, key: OrderKey) -> bool:
    if key.transaction_id is not None:
        return key.transaction_id == combined.transaction_id
    return (key.mchid, key.out_trade_no) == (combined.request.mchid, combined.request.number)


def _get_order(world: World, appid: str, body: Mapping[str, Any]) -> dict[str, object]:
    order, delivery = world.shipping.find(appid, read_query_key(body))
    return {**OK, "order": order_view(order, delivery)}


def _get_order_list(world: World, appid: str, body: Mapping[str, Any]) -> dict[str, object]:
    known = {"pay_time_range", "order_state", "openid", "last_index", "page_size"}
    size, last, span = body.get("page_size", PAGE_SIZE_MAX), body.get("last_index", ""), body.get("pay_time_range", {})
    if set(body) - known or not isinstance(size, int) or not isinstance(last, str) or not isinstance(span, dict):
        raise PlatformError(FORMAT)
    if not 1 <= size <= PAGE_SIZE_MAX or (last and not last.isdigit()):
        raise PlatformError(PARAMETER)
    found = []
    for order in world.shipping.known():
        view = order_view(order, world.shipping.of(order))
        fits = order.request.appid == appid and _between(view["pay_time"], span)
        if fits and all(name not in body or view[name] == body[name] for name in ("order_state", "openid")):
            found.append(view)
    begin = int(last or 0)
    shown = found[begin : begin + size]
    more = begin + size < len(found)
    return {**OK, "last_index": str(begin + len(shown)), "has_more": more, "order_list": shown}


def _remind(world: World, appid: str, body: Mapping[str, Any]) -> dict[str, object]:
    received_time = body.get("received_time")
    if not isinstance(received_time, int) or isinstance(received_time, bool):
        raise PlatformError(FORMAT)
    world.shipping.remind(appid, read_query_key(body, besides=("received_time",)))
    return OK


def _set_path(_world: World, _appid: str, body: Mapping[str, Any]) -> dict[str, object]:
    if not isinstance(body.get("path"), str):
        raise PlatformError(FORMAT)
    return OK


def _is_managed(world: World, appid: str, body: Mapping[str, Any]) -> dict[str, object]:
    return {**OK, "is_trade_managed": world.shipping.watches(_same(appid, body))}


def _is_confirmed(world: World, appid: str, body: Mapping[str, Any]) -> dict[str, object]:
    return {**OK, "completed": world.shipping.watches(_same(appid, body))}


def _same(appid: str, body: Mapping[str, Any]) -> str:
    if body.get("appid") != appid:
        raise PlatformError(40013)
    return appid


def order_view(order: Order, delivery: Delivery) -> dict[str, object]:
    """A payment as `get_order` tells it."""
    assert order.payment is not None
    told = delivery.told
    return {
        "transaction_id": order.payment.transaction_id,
        "merchant_id": order.request.mchid,
        "sub_merchant_id": "",
        "merchant_trade_no": order.request.out_trade_no,
        "description": order.request.description,
        "paid_amount": order.request.total,
        "openid": order.payment.openid,
        "trade_create_time": int(order.created_at),
        "pay_time": int(order.payment.paid_at),
        "order_state": delivery.state,
        "in_complaint": False,
        "shipping": {
            "delivery_mode": told.delivery_mode if told else 0,
            "logistics_type": told.logistics_type if told else 0,
            "finish_shipping": delivery.finished > 0,
            "finish_shipping_count": delivery.finished,
            "goods_desc": "",
            "shipping_list": [_parcel_view(parcel) for parcel in delivery.parcels],
        },
    }


def _parcel_view(parcel: ToldParcel) -> dict[str, object]:
    return {
        "tracking_no": parcel.tracking_no,
        "express_company": parcel.express_company,
        "goods_desc": parcel.item_desc,
        "contact": dict(parcel.contact),
    }


def _between(pay_time: object, span: Mapping[str, Any]) -> bool:
    begin, end = span.get("begin_time", 0), span.get("end_time", 1 << 62)
    if not isinstance(begin, int) or not isinstance(end, int) or not isinstance(pay_time, int):
        raise PlatformError(FORMAT)
    return begin <= pay_time <= end

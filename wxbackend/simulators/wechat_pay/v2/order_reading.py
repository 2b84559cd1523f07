"""Order requests of API v2 as the common books have them, and the rules that reach beyond one field."""

from __future__ import annotations

import json
from ipaddress import ip_address

from wxbackend.simulators.clock import real_now
from wxbackend.simulators.wechat_pay.code_payments import TRADE_TYPE as BY_CODE
from wxbackend.simulators.wechat_pay.order_request import OrderRequest, check_notify_url
from wxbackend.simulators.wechat_pay.refusal import Refusal
from wxbackend.simulators.wechat_pay.v2.fields import NEEDS, UnheardError, lacking, malformed, read_moment
from wxbackend.simulators.wechat_pay.v2.gate import Asked

# What belongs to one sending and not to what is asked for.
FRESH = ("nonce_str", "sign", "sign_type")
H5_TYPES = frozenset({"IOS", "iOS", "Android", "Wap"})
# How far time_expire has to be away at the least, in seconds; signatures and this follow real time.
LASTS_LEAST_S = {BY_CODE: 60}
ORDER_LASTS_LEAST_S = 300
TOO_SHORT = "time_expire时间过短，刷卡至少1分钟，其他5分钟"


def read_order(asked: Asked) -> OrderRequest:
    """A unified order. Raises UnheardError."""
    product = asked.get("trade_type")
    needed = NEEDS.get(product)
    if needed is not None and not asked.get(needed):
        raise lacking(needed)
    if product == "MWEB":
        _check_browser(asked)
    check_url(asked.get("notify_url"))
    return _read(asked, product)


def read_charge(asked: Asked) -> OrderRequest:
    """An order by payment code, whose payer is not known yet. Raises UnheardError."""
    return _read(asked, BY_CODE)


def meant(asked: Asked) -> dict[str, object]:
    """What tells a repeat from a changed request."""
    return {name: value for name, value in asked.fields.items() if value and name not in FRESH}


def check_url(url: str) -> None:
    """Refuse an address that no notice can go to. Raises UnheardError."""
    try:
        check_notify_url(url)
    except Refusal as refusal:
        raise malformed("notify_url") from refusal


def _read(asked: Asked, product: str) -> OrderRequest:
    ends = read_moment(asked.fields, "time_expire")
    if ends is not None and ends < real_now() + LASTS_LEAST_S.get(product, ORDER_LASTS_LEAST_S):
        raise UnheardError("PARAM_ERROR", TOO_SHORT)
    return OrderRequest(
        appid=asked.get("appid"),
        mchid=asked.get("mch_id"),
        out_trade_no=asked.get("out_trade_no"),
        description=asked.get("body"),
        notify_url=asked.get("notify_url"),
        total=int(asked.get("total_fee")),
        openid=asked.get("openid") if product == "JSAPI" else None,
        trade_type=product,
        lifetime_ends=ends,
        attach=asked.get("attach") or None,
        device_id=asked.get("device_info") or None,
        body=meant(asked),
        sign_type=asked.sign_type,
    )


def _check_browser(asked: Asked) -> None:
    """A browser outside WeChat: where it comes from, and what it runs on."""
    try:
        address = ip_address(asked.get("spbill_create_ip"))
    except ValueError as error:
        raise malformed("spbill_create_ip") from error
    if address.is_loopback or address.is_unspecified:
        raise malformed("spbill_create_ip")
    try:
        scene = json.loads(asked.get("scene_info"))
    except (ValueError, RecursionError) as error:
        raise malformed("scene_info") from error
    told = scene.get("h5_info") if isinstance(scene, dict) else None
    if not isinstance(told, dict) or told.get("type") not in H5_TYPES:
        raise malformed("scene_info")

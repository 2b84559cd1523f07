"""The order request of each product: its fields, and the rules that reach beyond one field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address
from typing import cast
from urllib.parse import urlsplit

from wxbackend.simulators.wechat_pay.parties import NUMBER, PARTNER_MERCHANT, Parties, partner_shape, read_parties
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_OPENID_MISSING,
    CAUSE_PARAMETER,
    Refusal,
    bad_parameter,
)
from wxbackend.simulators.wechat_pay.validation import Flag, Many, Rule, Shape, Text, Whole, check

OUT_TRADE_NO = Text(32, 6, pattern=re.compile(r"[0-9A-Za-z_\-|*]+"))
MCHID = NUMBER
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
NOTIFY_URL_CHARACTERS_MAX = 255
LIFETIME_DEFAULT_S = 7 * 86400
LIFETIME_LEAST_S = 60
LIFETIME_MOST_S = 90 * 86400

CLOSE = Shape(required={"mchid": MCHID}, optional={})
PARTNER_CLOSE = Shape(required=PARTNER_MERCHANT, optional={})

GOODS = Shape(
    required={"merchant_goods_id": Text(32, 1), "quantity": Whole(1), "unit_price": Whole(0)},
    optional={"wechatpay_goods_id": Text(32), "goods_name": Text(256)},
)
_STORE = Shape(
    required={"id": Text(32, 1)},
    optional={"name": Text(256), "area_code": Text(32), "address": Text(512)},
)
IDENTITY = Shape(required={"type": Text(32, 1), "number": Text(1024, 1), "name": Text(1024, 1)}, optional={})

H5_INFO = Shape(
    required={"type": Text(32, 1, choices=frozenset({"iOS", "Android", "Wap"}))},
    optional={
        "app_name": Text(64), "app_url": Text(128), "bundle_id": Text(128), "package_name": Text(128),
    },
)  # fmt: skip

# Field limits: reference, WeChat Pay v3 orders (lengths are characters).
_REQUIRED: Mapping[str, Rule] = {
    "appid": Text(32, 1),
    "mchid": MCHID,
    "description": Text(127, 1),
    "out_trade_no": OUT_TRADE_NO,
    "notify_url": Text(NOTIFY_URL_CHARACTERS_MAX, 1),
    "amount": Shape(required={"total": Whole(1)}, optional={"currency": Text(16)}),
}
_SCENE: Mapping[str, Rule] = {"device_id": Text(32), "store_info": _STORE}
_OPTIONAL: Mapping[str, Rule] = {
    "time_expire": Text(64, 1),
    "attach": Text(128),
    "goods_tag": Text(32),
    "limit_pay": Many(Text(32, choices=frozenset({"no_balance", "no_credit", "no_debit", "balance_only"}))),
    "support_fapiao": Flag(),
    "detail": Shape(
        required={},
        optional={
            "cost_price": Whole(0),
            "invoice_id": Text(32),
            "goods_detail": Many(GOODS),
        },
    ),
    "scene_info": Shape(required={}, optional={"payer_client_ip": Text(45, 1), **_SCENE}),
    "settle_info": Shape(required={}, optional={"profit_sharing": Flag()}),
}
_NOBODY = Shape(required={}, optional={"identity": IDENTITY})

JSAPI = Shape(
    required={**_REQUIRED, "payer": Shape(required={}, optional={"openid": Text(128, 1), "identity": IDENTITY})},
    optional=_OPTIONAL,
)
# Whoever scans, or opens, first pays: an openid is an illegal extra parameter.
NATIVE = Shape(required=_REQUIRED, optional={**_OPTIONAL, "payer": _NOBODY})
APP = NATIVE
H5 = Shape(
    required={
        **_REQUIRED,
        "scene_info": Shape(required={"payer_client_ip": Text(45, 1), "h5_info": H5_INFO}, optional=_SCENE),
    },
    optional={**{name: rule for name, rule in _OPTIONAL.items() if name != "scene_info"}, "payer": _NOBODY},
)


@dataclass(frozen=True, slots=True)
class Product:
    """One way of ordering: the last part of its path, what queries and notices call it, and what a body may hold."""

    path: str
    trade_type: str
    shape: Shape


PRODUCTS = {
    product.path: product
    for product in (
        Product("jsapi", "JSAPI", JSAPI),
        Product("native", "NATIVE", NATIVE),
        Product("h5", "MWEB", H5),
        Product("app", "APP", APP),
    )
}
PARTNER_PRODUCTS = {path: replace(product, shape=partner_shape(product.shape)) for path, product in PRODUCTS.items()}


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A well-formed order request; `body` is kept whole to tell a repeat from a changed one."""

    appid: str
    mchid: str
    out_trade_no: str
    description: str
    notify_url: str
    total: int
    openid: str | None
    trade_type: str
    lifetime_ends: float | None
    attach: str | None
    device_id: str | None
    body: Mapping[str, object]
    sign_type: str | None = None
    """How it was signed where it came by API v2; the cashier and notices follow it."""
    currency: str = "CNY"
    abroad: bool = False
    """Whether it came by the global API; the buyer pays it in yuan all the same."""
    combined_in: str | None = None
    """The number of the combined order that it is a part of."""
    sp_mchid: str | None = None
    """Who signed for the merchant, which is then a sub-merchant; `appid` is the payer's app, of either."""
    sp_appid: str | None = None
    sub_appid: str | None = None

    @property
    def parties(self) -> Parties:
        """Who is named in it."""
        return Parties(self.mchid, self.appid, self.openid, self.sp_mchid, self.sp_appid, self.sub_appid)

    @property
    def signed_by(self) -> str:
        """The number of who signed it."""
        return self.parties.signed_by


def read_order(product: Product, body: dict[str, object]) -> OrderRequest:
    """Check a parsed body field by field. Raises Refusal with the code a merchant would get."""
    check(body, product.shape)
    parties = read_parties(body)
    if product.trade_type == "JSAPI" and parties.openid is None:
        raise bad_parameter("/payer/openid", "JSAPI支付必须传openid", cause=CAUSE_OPENID_MISSING)
    amount = cast("dict[str, object]", body["amount"])
    if amount.get("currency", "CNY") != "CNY":
        raise Refusal(400, "INVALID_REQUEST", "暂不支持境外支付", cause=CAUSE_PARAMETER)
    check_notify_url(str(body["notify_url"]))
    scene = cast("dict[str, str]", body.get("scene_info", {}))
    if product.trade_type == "MWEB":
        check_client_ip(scene["payer_client_ip"])
    return OrderRequest(
        appid=parties.appid,
        mchid=parties.mchid,
        out_trade_no=str(body["out_trade_no"]),
        description=str(body["description"]),
        notify_url=str(body["notify_url"]),
        total=cast("int", amount["total"]),
        openid=parties.openid,
        trade_type=product.trade_type,
        lifetime_ends=read_time(body.get("time_expire")),
        attach=cast("str | None", body.get("attach")),
        device_id=scene.get("device_id"),
        body=body,
        sp_mchid=parties.sp_mchid,
        sp_appid=parties.sp_appid,
        sub_appid=parties.sub_appid,
    )


def read_close(body: dict[str, object], *, partner: bool = False) -> dict[str, object]:
    """The merchant numbers in a close request."""
    check(body, PARTNER_CLOSE if partner else CLOSE)
    return body


def check_client_ip(text: str) -> None:
    """Refuse what is no address, and this machine's own: WeChat compares it with where the buyer comes from."""
    field = "/scene_info/payer_client_ip"
    try:
        address = ip_address(text)
    except ValueError as error:
        raise bad_parameter(field, "无效的IP地址", value=text) from error
    if address.is_loopback or address.is_unspecified:
        raise bad_parameter(field, "应为用户端实际IP", value=text)


def check_notify_url(url: str) -> None:
    """Refuse an address that is not a whole http or https URL, or that carries a query string."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise bad_parameter("/notify_url", "无效的URL") from error
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise bad_parameter("/notify_url", "应为http或https的完整URL")
    if "?" in url or "#" in url:
        raise bad_parameter("/notify_url", "不允许携带查询串")
    if parts.username is not None or len(parts.path) < 1 or not url.isascii() or " " in url:
        raise bad_parameter("/notify_url", "无效的URL")


def read_time(value: object, field: str = "/time_expire") -> float | None:
    """The moment (Unix seconds) that a body names in RFC 3339, or None. Raises Refusal for anything else."""
    if value is None:
        return None
    text = str(value)
    try:
        if not TIME.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise bad_parameter(field, "应符合RFC 3339", value=text) from error

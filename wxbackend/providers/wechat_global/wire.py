"""The JSON of the global API in common mode: how our order and refund are spelled (openapi `v3/global`)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import orjson

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.refund import Refund
from wxbackend.domain.terminal import NEEDS_PAYER, Terminal
from wxbackend.providers.wechat_global.config import Terms
from wxbackend.providers.wechat_v3.wire import REASONS, rfc3339

PRODUCTS: Final = {
    Terminal.OFFICIAL_ACCOUNT: ("jsapi", "JSAPI"),
    Terminal.MINI_PROGRAM: ("jsapi", "JSAPI"),
    Terminal.WEB: ("native", "NATIVE"),
    Terminal.WAP: ("mweb", "MWEB"),
    Terminal.APP: ("app", "APP"),
}
"""The last part of an order's path, and its trade type."""
ORDERS: Final = "/v3/global/transactions"
REFUNDS: Final = "/v3/global/refunds"
CERTIFICATES: Final = "/v3/global/certificates"
STATEMENTS: Final = "/v3/global/statements"


def order_target(attempt: Attempt) -> str:
    """Path of an order."""
    return f"{ORDERS}/{PRODUCTS[attempt.terminal][0]}"


def order_body(attempt: Attempt, terms: Terms, *, notify_url: str) -> bytes:
    """The body of an order; the same attempt always gives the same bytes while the settings are the same."""
    body: dict[str, Any] = {
        "mchid": attempt.merchant,
        "appid": attempt.app,
        "description": attempt.description,
        "notify_url": notify_url,
        "out_trade_no": attempt.out_trade_no,
        "trade_type": PRODUCTS[attempt.terminal][1],
        "time_expire": rfc3339(attempt.expires_ms),
        "merchant_category_code": terms.merchant_category_code,
        "amount": {"total": attempt.money.amount, "currency": attempt.money.currency},
    }
    if attempt.terminal in NEEDS_PAYER:
        body["payer"] = {"openid": attempt.payer}
    if attempt.terminal is Terminal.WAP:
        store = {"name": terms.store_name, "address": terms.store_address}
        body["scene_info"] = {"payer_client_ip": attempt.client_ip, "store_info": store}
    return orjson.dumps(body)


def query_target(attempt: Attempt) -> str:
    """Path and query that ask for an order by our number."""
    return f"{ORDERS}/out-trade-no/{_part(attempt.out_trade_no)}?mchid={_part(attempt.merchant)}"


def close_target(attempt: Attempt) -> str:
    """Path that closes an order."""
    return f"{ORDERS}/out-trade-no/{_part(attempt.out_trade_no)}/close"


def close_body(attempt: Attempt) -> bytes:
    """The body that closes an order."""
    return orjson.dumps({"mchid": attempt.merchant})


def refund_body(refund: Refund, *, notify_url: str) -> bytes:
    """The body of a refund; the same refund always gives the same bytes."""
    body: dict[str, Any] = {
        "mchid": refund.merchant,
        "appid": refund.app,
        "transaction_id": refund.transaction,
        "out_refund_no": refund.out_refund_no,
        "amount": {"refund": refund.money.amount, "total": refund.total, "currency": refund.money.currency},
        "notify_url": notify_url,
    }
    if refund.reason:
        body["reason"] = REASONS.get(refund.reason, refund.reason)
    return orjson.dumps(body)


def refund_target(refund: Refund) -> str:
    """Path and query that ask for a refund by our number."""
    return f"{REFUNDS}/out-refund-no/{_part(refund.out_refund_no)}?mchid={_part(refund.merchant)}"


def _part(value: str) -> str:
    return quote(value, safe="")

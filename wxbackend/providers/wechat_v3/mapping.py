"""From WeChat's words to ours. A word that we do not know is `Pending`, an error that proves nothing `Uncertain`."""

from __future__ import annotations

from typing import Any, Final

from wxbackend.domain.observation import (
    Absent,
    Closed,
    Declined,
    Observation,
    Paid,
    Pending,
    RefundAbnormal,
    RefundClosed,
    RefundObservation,
    RefundProcessing,
    RefundShort,
    RefundSucceeded,
    Uncertain,
)
from wxbackend.providers.wechat_v3 import wire
from wxbackend.providers.wechat_v3.roles import DIRECT, Role

# trade_state of an order (doc/v3/merchant/4012791902). REFUND means: was paid, some was given back.
PAID_STATES: Final = frozenset({"SUCCESS", "REFUND"})
CLOSED_STATES: Final = frozenset({"CLOSED", "REVOKED", "PAYERROR"})

# Repeating a number that was paid has several spellings; all of them mean: ask, do not conclude.
ALREADY_PAID: Final = frozenset({"ORDER_PAID", "ORDERPAID", "OUT_TRADE_NO_USED"})
ALREADY_CLOSED: Final = frozenset({"ORDER_CLOSED", "ORDERCLOSED"})
NOT_KNOWN: Final = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST"})
REFUND_NOT_KNOWN: Final = frozenset({"RESOURCE_NOT_EXISTS", "REFUNDNOTEXIST"})
CONFIGURATION: Final = frozenset(
    {"SIGN_ERROR", "NO_AUTH", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "RULE_LIMIT", "ACCOUNT_ERROR"}
)
# The number at the end of Request-ID is the real cause (reference: common Request-ID causes).
CAUSE_PAID: Final = frozenset({"268449538", "268498689"})
CAUSE_CLOSED: Final = frozenset({"268447914"})
CAUSE_REENTRY: Final = frozenset({"268498688"})


def of_transaction(order: dict[str, Any], role: Role = DIRECT) -> Observation:
    """What an order, as a query or a notice shows it, means."""
    state = wire.required_text(order, "trade_state")
    if state in PAID_STATES:
        told = role.parties(order)
        return Paid(
            transaction=wire.required_text(order, "transaction_id"),
            amount=wire.required_amount(order, "amount", "total"),
            currency=wire.text(order, "amount", "currency") or "CNY",
            payer=told.payer,
            app=told.app,
            merchant=told.merchant,
            paid_ms=wire.read_time_ms(wire.text(order, "success_time")) or 0,
        )
    if state in CLOSED_STATES:
        return Closed(state)
    return Pending(state)


def cause(headers_request_id: str) -> str:
    """The internal cause that WeChat appends to a Request-ID."""
    return headers_request_id.rpartition("-")[2]


def of_order_error(status: int, code: str, message: str, request_id: str) -> Observation:
    """What an error answer to an order means."""
    why = cause(request_id)
    if code in ALREADY_PAID or why in CAUSE_PAID:
        return Uncertain("the provider says that the number is paid")
    if why in CAUSE_REENTRY:
        return Uncertain("the provider knows the number with other parameters")
    if code in ALREADY_CLOSED or why in CAUSE_CLOSED:
        return Closed(code)
    if status == 429 or status >= 500:
        return Uncertain(f"the provider answered {status} {code}")
    if code in CONFIGURATION or status == 401:
        return Declined(
            "payment_method_not_available",
            "configuration_error",
            "WeChat Pay is not available at this shop right now.",
            operator_hint=f"{status} {code} {message} (Request-ID {request_id})",
        )
    return Declined(
        "payment_method_provider_decline",
        "invalid_request_error",
        _told(code, message),
        operator_hint=f"{status} {code} {message} (Request-ID {request_id})",
    )


def _told(code: str, message: str) -> str:
    lowered = message.lower()
    if "openid" in lowered:
        return "WeChat Pay refused the order: the openid does not belong to this app, or is not valid."
    return f"WeChat Pay refused the order ({code})."


def of_query_error(status: int, code: str) -> Observation:
    """What an error answer to a query means."""
    if code in NOT_KNOWN:
        return Absent()
    return Uncertain(f"the provider answered {status} {code}")


def of_close_error(status: int, code: str) -> Observation:
    """What an error answer to a close means; only a query can tell whether it was paid."""
    if code in NOT_KNOWN:
        return Absent()
    if code in ALREADY_CLOSED:
        return Closed(code)
    return Uncertain(f"the provider answered {status} {code}")


def of_refund(refund: dict[str, Any], *, state_name: str) -> RefundObservation:
    """What a refund means, as an answer (`status`) or a notice (`refund_status`) shows it."""
    state = wire.required_text(refund, state_name)
    handle = wire.text(refund, "refund_id") or ""
    match state:
        case "PROCESSING":
            return RefundProcessing(handle)
        case "SUCCESS":
            return RefundSucceeded(handle, wire.read_time_ms(wire.text(refund, "success_time")) or 0)
        case "CLOSED":
            return RefundClosed(handle)
        case "ABNORMAL":
            return RefundAbnormal(handle)
    return Pending(state)


def of_refund_error(status: int, code: str, message: str, request_id: str) -> RefundObservation:
    """What an error answer to a refund means. 429 and 5xx prove nothing; too low a balance can be topped up."""
    if code in {"NOT_ENOUGH", "NOTENOUGH"}:
        return RefundShort()
    if status == 429 or status >= 500 or status == 401:
        return Uncertain(f"the provider answered {status} {code}")
    return Declined(
        "refund_declined",
        code.lower() or "unknown",
        f"WeChat Pay refused the refund ({code}).",
        operator_hint=f"{status} {code} {message} (Request-ID {request_id})",
    )


def of_refund_query_error(status: int, code: str) -> RefundObservation:
    """What an error answer to a refund query means."""
    if code in REFUND_NOT_KNOWN:
        return Absent()
    return Uncertain(f"the provider answered {status} {code}")

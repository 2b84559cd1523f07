"""From API v2's words to ours. A word that we do not know is `Pending`, an error that proves nothing `Uncertain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
from wxbackend.providers.wechat_v2 import wire

# trade_state of an order (reference: WeChat Pay API v2, orderquery). REFUND means: was paid, some was given back.
PAID_STATES: Final = frozenset({"SUCCESS", "REFUND"})
CLOSED_STATES: Final = frozenset({"CLOSED", "REVOKED", "PAYERROR"})

# Repeating a number that was paid has several spellings; all of them mean: ask, do not conclude.
ALREADY_PAID: Final = frozenset({"ORDERPAID", "OUT_TRADE_NO_USED"})
ALREADY_CLOSED: Final = frozenset({"ORDERCLOSED", "ORDERREVERSED"})
NOT_KNOWN: Final = frozenset({"ORDERNOTEXIST"})
REFUND_NOT_KNOWN: Final = frozenset({"REFUNDNOTEXIST"})
UNKNOWN_RESULT: Final = frozenset(
    {"SYSTEMERROR", "BIZERR_NEED_RETRY", "BANKERROR", "FREQUENCY_LIMITED", "INVALID_REQ_TOO_MUCH", "ORDER_NOT_READY"}
)
CONFIGURATION: Final = frozenset(
    {"NOAUTH", "APPID_NOT_EXIST", "MCHID_NOT_EXIST", "APPID_MCHID_NOT_MATCH", "SIGNERROR", "REQUIRE_POST_METHOD",
     "XML_FORMAT_ERROR", "LACK_PARAMS", "NOT_UTF8"}
)  # fmt: skip
NO_CODE: Final = "FAIL"
"""A signed refusal that names no code."""
REPEATED_OTHERWISE: Final = "重入"
"""In the words of an INVALID_REQUEST: the number is known with other parameters."""
BUSY: Final = ("系统", "繁忙", "频", "SYSTEM", "BUSY", "FREQUEN", "TIMEOUT")
"""In an unsigned refusal: nobody looked at the request. Its other texts name mistakes in what we sent."""


def of_order(fields: Mapping[str, str]) -> Observation:
    """What an order, as a query shows it, means."""
    state = wire.required_text(fields, "trade_state")
    if state in PAID_STATES:
        return of_payment(fields)
    return Closed(state) if state in CLOSED_STATES else Pending(state)


def of_payment(fields: Mapping[str, str]) -> Paid:
    """A payment, as a query, a notice or the answer to a payment code tells it."""
    return Paid(
        transaction=wire.required_text(fields, "transaction_id"),
        amount=wire.required_amount(fields, "total_fee"),
        currency=fields.get("fee_type") or "CNY",
        payer=fields.get("openid") or None,
        app=fields.get("appid") or None,
        merchant=fields.get("mch_id") or None,
        paid_ms=wire.read_time_ms(fields.get("time_end")) or 0,
    )


def of_order_refusal(text: str) -> Observation:
    """What an unsigned refusal of an order means."""
    if any(word in text.upper() for word in BUSY):
        return Uncertain(f"the provider answered: {text}")
    if "openid" in text.lower():
        return _declined("PARAM_ERROR", text)
    return _misconfigured("FAIL", text)


def of_order_error(code: str, text: str) -> Observation:
    """What a signed refusal of an order means."""
    if code in ALREADY_PAID:
        return Uncertain("the provider says that the number is paid")
    if code in ALREADY_CLOSED:
        return Closed(code)
    if code in UNKNOWN_RESULT:
        return Uncertain(f"the provider answered {code}")
    if code == "INVALID_REQUEST" and REPEATED_OTHERWISE in text:
        return Uncertain("the provider knows the number with other parameters")
    if code in CONFIGURATION:
        return _misconfigured(code, text)
    return _declined(code, text)


def of_query_error(code: str) -> Observation:
    """What a refusal of a query means."""
    return Absent() if code in NOT_KNOWN else Uncertain(f"the provider answered {code}")


def of_close_error(code: str) -> Observation:
    """What a refusal of a close means; only a query can tell whether it was paid."""
    if code in NOT_KNOWN:
        return Absent()
    return Closed(code) if code in ALREADY_CLOSED else Uncertain(f"the provider answered {code}")


def of_refund_query(fields: Mapping[str, str], *, out_refund_no: str) -> RefundObservation:
    """What a refund, found by our number, means (reference: WeChat Pay API v2, refundquery)."""
    place = next(
        (name.rpartition("_")[2] for name, value in fields.items() if _is_number(name) and value == out_refund_no), None
    )
    if place is None:
        return Uncertain("the answer does not speak of the refund")
    state = wire.required_text(fields, f"refund_status_{place}")
    handle = fields.get(f"refund_id_{place}", "")
    match state:
        case "PROCESSING":
            return RefundProcessing(handle)
        case "SUCCESS":
            return RefundSucceeded(handle, wire.read_time_ms(fields.get(f"refund_success_time_{place}")) or 0)
        case "REFUNDCLOSE":
            return RefundClosed(handle)
        case "CHANGE":
            return RefundAbnormal(handle)
    return Pending(state)


def of_refund_error(code: str, text: str) -> RefundObservation:
    """What a signed refusal of a refund means; too low a balance can be topped up, a wrong key mended."""
    if code == "NOTENOUGH":
        return RefundShort()
    if code in UNKNOWN_RESULT or code in CONFIGURATION or code == NO_CODE:
        return Uncertain(f"the provider answered {code}")
    return Declined(
        "refund_declined",
        code.lower() or "unknown",
        f"WeChat Pay refused the refund ({code}).",
        operator_hint=f"{code} {text}",
    )


def of_refund_query_error(code: str) -> RefundObservation:
    """What a refusal of a refund query means."""
    return Absent() if code in REFUND_NOT_KNOWN else Uncertain(f"the provider answered {code}")


def _is_number(name: str) -> bool:
    """Whether that is the name of one refund's number in an answer about several."""
    return name.startswith("out_refund_no_")


def _misconfigured(code: str, text: str) -> Declined:
    return Declined(
        "payment_method_not_available",
        "configuration_error",
        "WeChat Pay is not available at this shop right now.",
        operator_hint=f"{code} {text}",
    )


def _declined(code: str, text: str) -> Declined:
    what = f"WeChat Pay refused the order ({code})."
    if "openid" in text.lower():
        what = "WeChat Pay refused the order: the openid does not belong to this app, or is not valid."
    return Declined("payment_method_provider_decline", "invalid_request_error", what, operator_hint=f"{code} {text}")

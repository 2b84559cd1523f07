"""What the proven answers of API v2 mean, one reader for each call.

An answer is no younger for being proven: nothing signed in it tells the time. So it must also speak of the order or
the refund that was asked about, wherever WeChat names it (reference: WeChat Pay API v2, returned fields).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import UnreadableMessage
from wxbackend.domain.observation import Closed, Observation, RefundObservation, RefundProcessing, Uncertain
from wxbackend.domain.refund import Refund
from wxbackend.providers.wechat_v2 import code_payments, mapping, opening, wire

T = TypeVar("T")
Reader = Callable[[wire.Fields], T]


def order(attempt: Attempt, stamp: Callable[[], opening.Stamp]) -> Reader[Observation]:
    """The answer to a unified order; it names no order, and what it opens is worthless for another."""

    def read(said: wire.Fields) -> Observation:
        if said["return_code"] != "SUCCESS":
            return mapping.of_order_refusal(said["return_msg"])
        if said.get("result_code") != "SUCCESS":
            return mapping.of_order_error(said.get("err_code", ""), said.get("err_code_des", ""))
        return opening.read(attempt, said, stamp())

    return read


def query(attempt: Attempt) -> Reader[Observation]:
    """The order as it stands."""

    def read(said: wire.Fields) -> Observation:
        refused = _refused(said)
        if refused is not None:
            return mapping.of_query_error(refused)
        _require(said, "out_trade_no", attempt.out_trade_no)
        return mapping.of_order(said)

    return read


def close(said: wire.Fields) -> Observation:
    """The answer to a close, which names no order."""
    refused = _refused(said)
    return Closed("closed by us") if refused is None else mapping.of_close_error(refused)


def charge(attempt: Attempt) -> Reader[Observation]:
    """The answer to a payment code. What nobody signed, or has no code, says nothing of the money."""

    def read(said: wire.Fields) -> Observation:
        refused = _refused(said)
        if refused is None:
            _require(said, "out_trade_no", attempt.out_trade_no)
            return mapping.of_payment(said)
        if said["return_code"] != "SUCCESS":
            return Uncertain(f"the provider answered {refused}")
        return code_payments.of_charge_error(refused, said.get("err_code_des", ""))

    return read


def reversal(said: wire.Fields) -> Observation:
    """The answer to a reversal, which names no order."""
    refused = _refused(said)
    if refused is None:
        return code_payments.of_reversal(said)
    if said["return_code"] != "SUCCESS":
        return Uncertain(f"the provider answered {refused}")
    return code_payments.of_reversal_error(refused, said.get("err_code_des", ""), said)


def refund(asked: Refund) -> Reader[RefundObservation]:
    """An accepted refund is on its way; an unsigned refusal never releases what is reserved for it."""

    def read(said: wire.Fields) -> RefundObservation:
        refused = _refused(said)
        if refused is None:
            _require(said, "out_refund_no", asked.out_refund_no)
            return RefundProcessing(said.get("refund_id", ""))
        if said["return_code"] != "SUCCESS":
            return Uncertain(f"the provider answered {refused}")
        return mapping.of_refund_error(refused, said.get("err_code_des", ""))

    return read


def refund_query(asked: Refund) -> Reader[RefundObservation]:
    """The refund as it stands."""

    def read(said: wire.Fields) -> RefundObservation:
        refused = _refused(said)
        if refused is not None:
            return mapping.of_refund_query_error(refused)
        return mapping.of_refund_query(said, out_refund_no=asked.out_refund_no)

    return read


def _refused(said: wire.Fields) -> str | None:
    """Why nothing else may be read, or None: a code, or what was said by an answer that nobody signed."""
    if said["return_code"] != "SUCCESS":
        return f"FAIL {said['return_msg']}"
    return None if said.get("result_code") == "SUCCESS" else said.get("err_code") or mapping.NO_CODE


def _require(said: wire.Fields, name: str, expected: str) -> None:
    if said.get(name) != expected:
        raise UnreadableMessage(f"the answer is of another {name}")

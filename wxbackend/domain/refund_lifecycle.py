"""The state machine of a refund, as a table; the only place where a refund's state is computed.

Unknown is not failed: only the provider's own final word releases the reserved amount, and money
that was given back after all is booked even when we had given the refund up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wxbackend.domain.errors import Conflict, IllegalTransition, InvalidRequest
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.observation import (
    Absent,
    Declined,
    Pending,
    RefundAbnormal,
    RefundClosed,
    RefundObservation,
    RefundProcessing,
    RefundShort,
    RefundSucceeded,
    Uncertain,
)
from wxbackend.domain.refund import REFUND_WITHIN_MS, REFUNDS_PER_ORDER_MAX, Origin, Refund, RefundState

_R, _U, _SHORT = RefundState.RECORDED, RefundState.UNCERTAIN, RefundState.SHORT
_P, _A, _S = RefundState.PROCESSING, RefundState.ABNORMAL, RefundState.SUCCEEDED
_C, _D = RefundState.CLOSED, RefundState.DECLINED

_UNSENT: Final[dict[type, RefundState]] = {
    RefundProcessing: _P, RefundSucceeded: _S, RefundClosed: _C, RefundAbnormal: _A, RefundShort: _SHORT,
    Declined: _D, Uncertain: _U, Pending: _U,
}  # fmt: skip
_STAYS_ACCEPTED: Final = (RefundShort, Declined, Uncertain, Pending, Absent)

REFUND: Final[dict[RefundState, dict[type, RefundState]]] = {
    _R: _UNSENT | {Absent: _R},
    _U: _UNSENT | {Absent: _U},
    _SHORT: _UNSENT | {Absent: _SHORT},
    # A repeat that is refused or lost does not undo a refund that the provider has taken.
    _P: {RefundProcessing: _P, RefundSucceeded: _S, RefundClosed: _C, RefundAbnormal: _A}
    | dict.fromkeys(_STAYS_ACCEPTED, _P),
    _A: {RefundProcessing: _P, RefundSucceeded: _S, RefundClosed: _C, RefundAbnormal: _A}
    | dict.fromkeys(_STAYS_ACCEPTED, _A),
    _S: dict.fromkeys((RefundProcessing, RefundSucceeded, RefundClosed, RefundAbnormal, *_STAYS_ACCEPTED), _S),
    _C: dict.fromkeys((RefundProcessing, RefundClosed, RefundAbnormal, *_STAYS_ACCEPTED), _C) | {RefundSucceeded: _S},
    _D: dict.fromkeys((RefundClosed, RefundAbnormal, *_STAYS_ACCEPTED), _D)
    | {RefundProcessing: _P, RefundSucceeded: _S},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RefundStep:
    """A refund after one observation, and what became true by it."""

    refund: Refund
    events: tuple[EventType, ...] = ()


def require_refundable(intent: PaymentIntent, *, amount: int, refunds: list[Refund], paid_ms: int, now_ms: int) -> None:
    """Refuse a refund that the payment cannot bear; call it with the intent locked."""
    if intent.status is not IntentStatus.SUCCEEDED:
        raise Conflict(
            f"This PaymentIntent is {intent.status.value}; only a succeeded one can be refunded.",
            code="charge_not_refundable",
            param="payment_intent",
        )
    if now_ms - paid_ms > REFUND_WITHIN_MS:
        raise Conflict("WeChat Pay refunds within one year of the payment only.", code="charge_not_refundable")
    if len(refunds) >= REFUNDS_PER_ORDER_MAX:
        raise Conflict(
            f"This payment has {REFUNDS_PER_ORDER_MAX} refunds already, the most that WeChat Pay allows.",
            code="charge_not_refundable",
        )
    remaining = remaining_amount(intent, refunds)
    if remaining == 0:
        raise Conflict("This payment is refunded in full already.", code="charge_already_refunded")
    if amount > remaining:
        raise InvalidRequest(
            f"amount is more than the {remaining} that remain of this payment.",
            code="amount_too_large",
            param="amount",
        )


def remaining_amount(intent: PaymentIntent, refunds: list[Refund]) -> int:
    """What may still be refunded, in minor units.

    Nothing, too, when more than the payment is reserved: a refund that the provider had closed came through
    after all, while another one had taken its place.
    """
    asked = [refund for refund in refunds if refund.origin is Origin.MERCHANT]
    return max(0, intent.amount_received - sum(refund.reserves() for refund in asked))


def create(refund: Refund) -> RefundStep:
    """A new refund, its amount reserved."""
    assert refund.state is _R
    return RefundStep(refund, (EventType.REFUND_CREATED,))


def advance(refund: Refund, observation: RefundObservation) -> RefundStep:
    """The refund after one observation."""
    state = REFUND[refund.state].get(type(observation))
    if state is None:
        raise IllegalTransition(f"a {refund.state.value} refund has no row for {type(observation).__name__}")
    after = replace(refund, state=state)
    match observation:
        case RefundProcessing(handle) | RefundAbnormal(handle) | RefundClosed(handle) if state is not refund.state:
            after = replace(after, handle=handle or refund.handle)
        case RefundSucceeded(handle, succeeded_ms) if refund.state is not _S:
            after = replace(after, handle=handle or refund.handle, succeeded_ms=succeeded_ms, failure=None)
        case Declined() if state is _D:
            after = replace(after, failure=observation.decline_code)
    if state is _C and refund.state is not _C:
        after = replace(after, failure="declined")
    if state is refund.state:
        return RefundStep(after)
    return RefundStep(after, (EventType.REFUND_UPDATED,))

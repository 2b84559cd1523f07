"""The state machine of a refund, as a table; the only place where a refund's state is computed.

An order takes one refund in a while, so another one waits here for its turn (`turn_ms`) and may be taken
back until then. Whoever lets it go, the sender or the merchant, does so under the intent's lock: never both.
Unknown is not failed: only the provider's own final word releases the reserved amount, and money
that was given back after all is booked even when we had given the refund up.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from wxbackend.domain.refund import (
    NEVER_SENT,
    NEVER_TAKEN,
    PUBLIC_STATUS,
    REFUND_WITHIN_MS,
    REFUNDS_PER_ORDER_MAX,
    Origin,
    Refund,
    RefundState,
)

_Q, _X = RefundState.QUEUED, RefundState.CANCELED
_R, _U, _SHORT = RefundState.RECORDED, RefundState.UNCERTAIN, RefundState.SHORT
_P, _A, _S = RefundState.PROCESSING, RefundState.ABNORMAL, RefundState.SUCCEEDED
_C, _D = RefundState.CLOSED, RefundState.DECLINED

_UNSENT: Final[dict[type, RefundState]] = {
    RefundProcessing: _P, RefundSucceeded: _S, RefundClosed: _C, RefundAbnormal: _A, RefundShort: _SHORT,
    Declined: _D, Uncertain: _U, Pending: _U,
}  # fmt: skip
_STAYS_ACCEPTED: Final = (RefundShort, Declined, Uncertain, Pending, Absent)

REFUND: Final[dict[RefundState, dict[type, RefundState]]] = {
    # Nobody can know a refund that was never sent, unless this database is a copy of an earlier day.
    _Q: {RefundProcessing: _P, RefundSucceeded: _S, RefundClosed: _C, RefundAbnormal: _A}
    | dict.fromkeys(_STAYS_ACCEPTED, _Q),
    _X: dict.fromkeys((RefundClosed, *_STAYS_ACCEPTED), _X)
    | {RefundProcessing: _P, RefundSucceeded: _S, RefundAbnormal: _A},
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
NOT_ALLOWED: Final = "status_transition_invalid"
_ENDS: Final = {"failed": EventType.REFUND_FAILED, "succeeded": EventType.REFUND_SUCCEEDED}


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
    if sum(refund.state not in NEVER_TAKEN for refund in refunds) >= REFUNDS_PER_ORDER_MAX:
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


def turn_ms(number: int, others: Sequence[Refund], *, spacing_ms: int, now_ms: int) -> int:
    """When the refund with this number may be sent, its order's other refunds considered; `now_ms` is at once."""
    sent = [other.sent_ms for other in others if other.state not in NEVER_SENT]
    before_it = sum(other.state is _Q and other.id < number for other in others)
    return max([now_ms, *(moment + spacing_ms for moment in sent)]) + before_it * spacing_ms


def create(refund: Refund) -> RefundStep:
    """A new refund, its amount reserved: queued until its turn, or recorded because it is sent at once."""
    assert refund.state in (_Q, _R)
    return RefundStep(refund, (EventType.REFUND_CREATED,))


def let_go(refund: Refund, *, turn_ms: int, now_ms: int) -> Refund:
    """A queued refund when it is looked at: to be sent now, or queued on until its turn."""
    assert refund.state is _Q
    return replace(refund, sent_ms=turn_ms) if turn_ms > now_ms else replace(refund, state=_R, sent_ms=now_ms)


def cancel(refund: Refund) -> RefundStep:
    """A queued refund that is taken back; refuses one that was sent, as the provider never gives it back."""
    if refund.origin is Origin.AUTOMATIC:
        raise Conflict("This refund gives misplaced money back by itself; it can't be canceled.", code=NOT_ALLOWED)
    if refund.state is not _Q:
        status = PUBLIC_STATUS[refund.state]
        why = "it was sent already" if status in ("pending", "requires_action") else f"it is {status}"
        raise Conflict(f"This refund can't be canceled: {why}.", code=NOT_ALLOWED)
    return _changed(refund, replace(refund, state=_X, failure="merchant_request"))


def require_abnormal(refund: Refund) -> None:
    """Refuse to send a refund elsewhere while the provider has not said that it can't be taken where it went."""
    if refund.state is not _A:
        raise Conflict(
            f"This refund is {PUBLIC_STATUS[refund.state]}; only one that is requires_action is sent to a card.",
            code=NOT_ALLOWED,
        )
    if not refund.handle:
        raise Conflict("The provider gave this refund no number; use its console.", code=NOT_ALLOWED)


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
    return _changed(refund, after)


def _changed(was: Refund, refund: Refund) -> RefundStep:
    """What became true by a change; the other documents' names say the same once more."""
    if refund.state is was.state:
        return RefundStep(refund)
    status = PUBLIC_STATUS[refund.state]
    ended = _ENDS.get(status) if status != PUBLIC_STATUS[was.state] else None
    return RefundStep(refund, (EventType.REFUND_UPDATED, EventType.REFUND_CHANGED, *([ended] if ended else [])))

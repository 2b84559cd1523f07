"""The state machine of a payment, as two tables; the only place where a status is computed.

`ATTEMPT` says what one order becomes after one observation, `INTENT` what that means for the
PaymentIntent. The same status again is a silent repeat; a pair that is missing is an error.
An attempt that was paid is never un-paid, and money that arrives when it should not is not an
error but a `Discrepancy` in the returned `Step`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind
from wxbackend.domain.errors import Conflict, IllegalTransition
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import IntentStatus, PaymentError, PaymentIntent, PaymentMethod
from wxbackend.domain.misplaced_money import disagreement, misplaced
from wxbackend.domain.observation import (
    Absent,
    Accepted,
    Closed,
    Declined,
    Failed,
    Observation,
    Opened,
    Paid,
    Pending,
    Uncertain,
    Unreversed,
)
from wxbackend.domain.terminal import Terminal

_R, _U, _O = AttemptState.RECORDED, AttemptState.UNCERTAIN, AttemptState.OPEN
_CLOSING, _PAID = AttemptState.CLOSING, AttemptState.PAID
_CLOSED, _DECLINED = AttemptState.CLOSED, AttemptState.DECLINED

ATTEMPT: Final[dict[AttemptState, dict[type, AttemptState]]] = {
    _R: {Opened: _O, Paid: _PAID, Pending: _U, Closed: _CLOSED, Declined: _DECLINED, Uncertain: _U},
    _U: {Opened: _O, Paid: _PAID, Pending: _U, Closed: _CLOSED, Declined: _DECLINED, Uncertain: _U},
    # A repeat that is refused or lost does not undo an order that the provider has taken.
    _O: {Opened: _O, Paid: _PAID, Pending: _O, Closed: _CLOSED, Declined: _O, Uncertain: _O},
    _CLOSING: {
        Opened: _CLOSING, Paid: _PAID, Pending: _CLOSING, Closed: _CLOSED, Declined: _CLOSED,
        Uncertain: _CLOSING,
    },
    _PAID: {Opened: _PAID, Paid: _PAID, Pending: _PAID, Closed: _PAID, Declined: _PAID, Uncertain: _PAID},
    # The provider's answer to our order can come after we gave the order up: close it there too.
    _CLOSED: {
        Opened: _CLOSING, Paid: _PAID, Pending: _CLOSED, Closed: _CLOSED, Declined: _CLOSED,
        Uncertain: _CLOSED,
    },
    _DECLINED: {
        Opened: _CLOSING, Paid: _PAID, Pending: _DECLINED, Closed: _DECLINED, Declined: _DECLINED,
        Uncertain: _DECLINED,
    },
}  # fmt: skip

# What only a debit hears. One that was given up and is accepted all the same is looked at again until its end.
DEBIT: Final[dict[AttemptState, dict[type, AttemptState]]] = {
    _R: {Accepted: _O, Failed: _DECLINED},
    _U: {Accepted: _O, Failed: _DECLINED},
    _O: {Accepted: _O, Failed: _DECLINED},
    _CLOSING: {Accepted: _CLOSING, Failed: _DECLINED},
    _PAID: {Accepted: _PAID, Failed: _PAID},
    _CLOSED: {Accepted: _O, Failed: _CLOSED},
    _DECLINED: {Accepted: _O, Failed: _DECLINED},
}


class Fact(Enum):
    """What happened, as far as the PaymentIntent is concerned."""

    METHOD_GIVEN = "a payment method was named"
    METHOD_REFUSED = "the payment method cannot be used"
    SENT_TO_PAGE = "our own page will ask the buyer"
    STARTED = "an attempt was recorded"
    CHARGED = "a debit was recorded, or taken by the provider"
    OPENED = "its order can be paid"
    PAID = "its order was paid"
    GONE = "its order can no longer be paid"
    GIVEN_UP = "its order is being replaced by another"
    CANCELED = "nothing can be paid any more, as asked"


_RPM, _RC = IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION
_RA, _S, _C = IntentStatus.REQUIRES_ACTION, IntentStatus.SUCCEEDED, IntentStatus.CANCELED
_P = IntentStatus.PROCESSING

_WAITING: Final[dict[Fact, IntentStatus]] = {
    Fact.METHOD_GIVEN: _RC, Fact.METHOD_REFUSED: _RPM, Fact.SENT_TO_PAGE: _RA, Fact.STARTED: _RA, Fact.PAID: _S,
    Fact.GONE: _RPM, Fact.CANCELED: _C, Fact.CHARGED: _P,
}  # fmt: skip

INTENT: Final[dict[IntentStatus, dict[Fact, IntentStatus]]] = {
    _RPM: _WAITING,
    _RC: _WAITING | {Fact.GONE: _RC},
    _RA: {
        # The first three where our own page is to order: there is no order yet.
        Fact.METHOD_REFUSED: _RPM, Fact.SENT_TO_PAGE: _RA, Fact.CHARGED: _P,
        Fact.STARTED: _RA, Fact.OPENED: _RA, Fact.PAID: _S, Fact.GONE: _RPM,
        Fact.GIVEN_UP: _RC, Fact.CANCELED: _C,
    },
    _P: {Fact.CHARGED: _P, Fact.PAID: _S, Fact.GONE: _RPM},
    _S: {Fact.OPENED: _S, Fact.PAID: _S, Fact.GONE: _S},
    _C: {Fact.OPENED: _C, Fact.PAID: _C, Fact.GONE: _C},
}  # fmt: skip

EXPIRED: Final = PaymentError(
    "payment_intent_payment_attempt_expired",
    "order_closed",
    "The order was closed or expired before it was paid. Confirm again for a new one.",
)
REVERSED: Final = PaymentError(
    "payment_intent_payment_attempt_expired",
    "order_reversed",
    "The buyer did not complete the payment in time, and it was reversed: whatever was charged is given back. "
    "Confirm again with a new payment code.",
)
CODE_NOT_PAID: Final = PaymentError(
    "payment_method_provider_decline",
    "order_closed",
    "The payment by code failed; nothing was charged. Confirm again with a new payment code.",
)
NEVER_ARRIVED: Final = PaymentError(
    "payment_method_provider_timeout",
    None,
    "The provider never received the order. Nothing was charged; confirm again.",
)
PROVIDER_REFUSED_METHOD: Final = PaymentError(
    "payment_method_provider_decline", "invalid_request_error", "Service error. Please try again."
)
"""The seed document's answer to an official_account confirm whose openid is empty."""


@dataclass(frozen=True, slots=True)
class Step:
    """An intent and an attempt after one observation, and what became true by it."""

    intent: PaymentIntent
    attempt: Attempt | None = None
    events: tuple[EventType, ...] = ()
    discrepancy: Discrepancy | None = None
    close_attempt_id: int | None = None
    """Another attempt of the intent that must not be paid any more."""


def _status(intent: PaymentIntent, fact: Fact) -> IntentStatus:
    try:
        return INTENT[intent.status][fact]
    except KeyError:
        raise IllegalTransition(f"a {intent.status.value} intent has no row for: {fact.value}") from None


# --- what callers ask -------------------------------------------------------------------------


def create(intent: PaymentIntent) -> Step:
    """A new intent; its first status depends on whether a payment method was named."""
    assert intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    fact_status = _status(intent, Fact.METHOD_GIVEN) if intent.payment_method else intent.status
    return Step(replace(intent, status=fact_status), events=(EventType.INTENT_CREATED,))


def require_changeable(intent: PaymentIntent) -> None:
    """Refuse a change to an intent that is final or being canceled."""
    if intent.is_final():
        raise _unexpected(f"it is {intent.status.value}, which is final")
    if intent.cancel_requested_ms is not None:
        raise _unexpected("it is being canceled; wait for payment_intent.canceled or .succeeded")
    _require_no_debit(intent)


def require_cancelable(intent: PaymentIntent) -> None:
    """Refuse to cancel what is final; asking again while canceling is allowed."""
    if intent.is_final():
        raise _unexpected(f"it is {intent.status.value} and can't be canceled")
    _require_no_debit(intent)


def _require_no_debit(intent: PaymentIntent) -> None:
    """A debit that was sent can't be called back: only its result changes the intent."""
    if intent.status is _P:
        raise _unexpected(
            "it is processing: the buyer's money is being taken. Wait for payment_intent.succeeded or .payment_failed"
        )


def _unexpected(why: str) -> Conflict:
    return Conflict(f"This PaymentIntent can't be changed: {why}.", code="payment_intent_unexpected_state")


def name_method(intent: PaymentIntent, method: PaymentMethod) -> Step:
    """The payment method becomes the intent's; nothing is ordered yet."""
    require_changeable(intent)
    if intent.status is IntentStatus.REQUIRES_ACTION:
        return Step(replace(intent, payment_method=method))
    status = _status(intent, Fact.METHOD_GIVEN)
    return Step(replace(intent, status=status, payment_method=method))


def refuse_method(intent: PaymentIntent, error: PaymentError) -> Step:
    """The payment method cannot be used, which is known without asking the provider."""
    require_changeable(intent)
    status = _status(intent, Fact.METHOD_REFUSED)
    changed = replace(intent, status=status, last_payment_error=error)
    return Step(changed, events=(EventType.INTENT_PAYMENT_FAILED,))


def send_to_page(intent: PaymentIntent) -> Step:
    """Our own page logs the buyer in and orders then: there is something to do, and no order yet."""
    require_changeable(intent)
    status = _status(intent, Fact.SENT_TO_PAGE)
    events = () if status is intent.status else (EventType.INTENT_REQUIRES_ACTION,)
    return Step(replace(intent, status=status, last_payment_error=None), events=events)


def start_attempt(intent: PaymentIntent, attempt: Attempt) -> Step:
    """An attempt is recorded, before its order is sent."""
    require_changeable(intent)
    status = _status(intent, Fact.CHARGED if attempt.is_debit() else Fact.STARTED)
    changed = replace(intent, status=status, attempt_id=attempt.id, last_payment_error=None)
    return Step(changed, attempt, events=(EventType.INTENT_PROCESSING,) if attempt.is_debit() else ())


def give_up_attempt(intent: PaymentIntent, attempt: Attempt) -> Step:
    """The open order is to be closed because the buyer will pay another way."""
    require_changeable(intent)
    status = _status(intent, Fact.GIVEN_UP)
    changed = replace(intent, status=status, attempt_id=None)
    return Step(changed, replace(attempt, state=AttemptState.CLOSING))


def cancel(intent: PaymentIntent, attempt: Attempt | None, *, reason: str | None, now_ms: int) -> Step:
    """Cancel at once where nothing can be paid; else ask for it: the order is closed upstream first."""
    require_cancelable(intent)
    asked = replace(intent, cancel_requested_ms=intent.cancel_requested_ms or now_ms)
    asked = replace(asked, cancellation_reason=intent.cancellation_reason or reason)
    if attempt is None or not attempt.is_unresolved():
        return _canceled(asked, attempt, now_ms)
    return Step(asked, replace(attempt, state=AttemptState.CLOSING))


def expire_attempt(intent: PaymentIntent, attempt: Attempt) -> Step:
    """The order's time is over: it must be closed upstream, which decides whether it was paid."""
    if not attempt.is_unresolved():
        return Step(intent, attempt)
    return Step(intent, replace(attempt, state=AttemptState.CLOSING))


def begin_reversal(intent: PaymentIntent, attempt: Attempt, *, now_ms: int) -> Step:
    """A reversal is about to be sent, and may be the second: only its own outcome ends the attempt from now on."""
    if not attempt.is_unresolved():
        return Step(intent, attempt)
    sent_ms = attempt.reversal_sent_ms or now_ms
    return Step(intent, replace(attempt, state=AttemptState.CLOSING, reversal_sent_ms=sent_ms))


# --- what a provider said ---------------------------------------------------------------------


def advance(
    intent: PaymentIntent, attempt: Attempt, observation: Observation, *, now_ms: int, another_unresolved: bool = False
) -> Step:
    """The intent and the attempt after one observation about the attempt.

    `another_unresolved` says that another attempt of the intent may still be paid.
    """
    assert attempt.intent_id == intent.id
    said = _weigh(attempt, observation, now_ms)
    if isinstance(said, Paid):
        return _paid(intent, attempt, said)
    answered_late = isinstance(said, Opened | Accepted) and not attempt.is_unresolved()
    if answered_late and (another_unresolved or attempt.reversal_sent_ms is not None):
        # A late answer about an order that was replaced, or reversed for good: nobody is ever shown how to pay it.
        return Step(intent, attempt)
    state = ATTEMPT[attempt.state].get(type(said)) or DEBIT[attempt.state].get(type(said))
    if state is None:
        raise IllegalTransition(f"a {attempt.state.value} attempt has no row for {type(said).__name__}")
    after = replace(attempt, state=state)
    if not after.is_unresolved():
        after = replace(after, code_mark=None)
    if isinstance(said, Opened):
        return _opened(intent, after, said)
    if isinstance(said, Accepted):
        return _accepted(intent, after)
    if state in (_CLOSED, _DECLINED) and attempt.state is not state:
        return _gone(intent, after, said, now_ms)
    return Step(intent, after)


def _weigh(attempt: Attempt, observation: Observation, now_ms: int) -> Observation:
    """`Absent` proves nothing while our order may still be on its way, and closes the attempt after.

    An order by payment code is open as soon as the provider has it: the buyer is typing the PIN. While
    it is being reversed, a payment may be the one that is given back: only a refusal makes it stand.
    """
    if isinstance(observation, Unreversed):
        return observation.paid
    if isinstance(observation, Paid) and attempt.state is _CLOSING and attempt.reversal_sent_ms is not None:
        return Pending("being reversed")
    if isinstance(observation, Pending) and attempt.terminal is Terminal.SCAN_CODE and attempt.state in (_R, _U):
        return code_taken(attempt)
    if not isinstance(observation, Absent):
        return observation
    proven_from_ms = attempt.expires_ms if attempt.state is _O else attempt.sent_ms + attempt.in_flight_ms()
    return Closed("absent") if now_ms >= proven_from_ms else Pending("absent")


def code_taken(attempt: Attempt) -> Opened:
    """The provider took the charge of a payment code, and waits for the buyer: there is nothing for a page to do."""
    return Opened(attempt.out_trade_no, {}, attempt.expires_ms)


def _opened(intent: PaymentIntent, after: Attempt, said: Opened) -> Step:
    after = replace(
        after,
        handle=said.handle,
        client_params=said.client_params,
        presentable_until_ms=said.presentable_until_ms,
    )
    if after.state is not _O:
        return Step(intent, after)
    wanted = intent.attempt_id == after.id and intent.cancel_requested_ms is None and not intent.is_final()
    if not wanted:
        return Step(intent, replace(after, state=_CLOSING))
    changed = replace(intent, status=_status(intent, Fact.OPENED))
    return Step(changed, after, events=(EventType.INTENT_REQUIRES_ACTION,))


def _accepted(intent: PaymentIntent, after: Attempt) -> Step:
    """A debit that the provider took; the intent of one that was given up before waits for its result again."""
    if intent.attempt_id != after.id or intent.is_final() or intent.status is _P or after.state is not _O:
        return Step(intent, after)
    changed = replace(intent, status=_status(intent, Fact.CHARGED), last_payment_error=None)
    return Step(changed, after, events=(EventType.INTENT_PROCESSING,))


def _gone(intent: PaymentIntent, after: Attempt, said: Observation, now_ms: int) -> Step:
    if intent.attempt_id != after.id and intent.cancel_requested_ms is None:
        return Step(intent, after)
    if intent.is_final():
        return Step(intent, after)
    if intent.cancel_requested_ms is not None:
        return _canceled(intent, after, now_ms)
    if isinstance(said, Declined | Failed):
        error = PaymentError(said.code, said.decline_code, said.message)
    elif isinstance(said, Closed) and said.word == "absent" and after.handle is None:
        error = NEVER_ARRIVED
    elif after.terminal is Terminal.SCAN_CODE:
        error = CODE_NOT_PAID if after.reversal_sent_ms is None else REVERSED
    else:
        error = EXPIRED
    changed = replace(intent, status=_status(intent, Fact.GONE), last_payment_error=error)
    return Step(changed, after, events=(EventType.INTENT_PAYMENT_FAILED,))


def _canceled(intent: PaymentIntent, attempt: Attempt | None, now_ms: int) -> Step:
    changed = replace(intent, status=_status(intent, Fact.CANCELED), canceled_ms=now_ms)
    return Step(changed, attempt, events=(EventType.INTENT_CANCELED,))


def _paid(intent: PaymentIntent, attempt: Attempt, paid: Paid) -> Step:
    wrong = disagreement(attempt, paid)
    if wrong is not None:
        return Step(intent, attempt, discrepancy=wrong)
    if attempt.state is _PAID:
        if attempt.transaction == paid.transaction:
            return Step(intent, attempt)
        return Step(intent, attempt, discrepancy=misplaced(DiscrepancyKind.DOUBLE, intent, paid))
    after = replace(attempt, state=_PAID, transaction=paid.transaction, paid_ms=paid.paid_ms, code_mark=None)
    after = replace(after, share=paid.share)
    status = _status(intent, Fact.PAID)
    if intent.status is IntentStatus.SUCCEEDED:
        return Step(intent, after, discrepancy=misplaced(DiscrepancyKind.DOUBLE, intent, paid))
    if intent.status is IntentStatus.CANCELED or _shop_gave_up(attempt):
        return Step(intent, after, discrepancy=misplaced(DiscrepancyKind.LATE, intent, paid))
    other = intent.attempt_id if intent.attempt_id != attempt.id else None
    changed = replace(
        intent,
        status=status,
        attempt_id=attempt.id,
        amount_received=paid.amount,
        last_payment_error=None,
        cancel_requested_ms=None,
        cancellation_reason=None,
    )
    return Step(changed, after, events=(EventType.INTENT_SUCCEEDED,), close_attempt_id=other)


def _shop_gave_up(attempt: Attempt) -> bool:
    """Whether the shop was told that this payment by code failed: the buyer has left, or has paid otherwise."""
    return attempt.terminal is Terminal.SCAN_CODE and not attempt.is_unresolved()

"""The state machine of a mandate and of the SetupIntent that asks for it, as two tables.

A mandate that ended is never active again, whatever is said and in whatever order; what ends it stops
every charge at once, in the transaction that learns of it. A contract that the buyer signs when nobody
wants it any more (the SetupIntent was canceled, replaced, or signed by somebody else) is ended at the provider.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from wxbackend.domain.errors import Conflict, IllegalTransition
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import PaymentError, PaymentMethod
from wxbackend.domain.mandate import (
    PUBLIC_STATUS,
    DebitNotice,
    Ended,
    Mandate,
    MandateState,
    PageOpened,
    Signed,
    Unsigned,
)
from wxbackend.domain.observation import Absent, Declined, Pending, Uncertain
from wxbackend.domain.setup import SetupIntent, SetupStatus

UNKNOWN_FOR_MS: Final = 7 * 86_400_000
"""A contract that is being ended and that its provider has not known for so long is over."""
MandateObservation = PageOpened | Signed | Ended | Unsigned | Declined | Pending | Absent | Uncertain

_R, _O, _A = MandateState.RECORDED, MandateState.OPEN, MandateState.ACTIVE
_ENDING, _ENDED = MandateState.ENDING, MandateState.ENDED
_L, _D = MandateState.LAPSED, MandateState.DECLINED
_PROVES_NOTHING: Final = (Pending, Absent, Uncertain)

MANDATE: Final[dict[MandateState, dict[type, MandateState]]] = {
    _R: {PageOpened: _O, Signed: _A, Ended: _ENDED, Unsigned: _L, Declined: _D} | dict.fromkeys(_PROVES_NOTHING, _R),
    # A repeat that is refused does not close a page that the buyer may be looking at.
    _O: {PageOpened: _O, Signed: _A, Ended: _ENDED, Unsigned: _L, Declined: _O} | dict.fromkeys(_PROVES_NOTHING, _O),
    _A: {PageOpened: _A, Signed: _A, Ended: _ENDED, Unsigned: _A, Declined: _A} | dict.fromkeys(_PROVES_NOTHING, _A),
    _ENDING: {PageOpened: _ENDING, Signed: _ENDING, Ended: _ENDED, Unsigned: _ENDING, Declined: _ENDING}
    | dict.fromkeys(_PROVES_NOTHING, _ENDING),
    _ENDED: dict.fromkeys((PageOpened, Signed, Ended, Unsigned, Declined, *_PROVES_NOTHING), _ENDED),
    _L: {PageOpened: _L, Signed: _ENDING, Ended: _ENDED, Unsigned: _L, Declined: _L}
    | dict.fromkeys(_PROVES_NOTHING, _L),
    _D: {PageOpened: _D, Signed: _ENDING, Ended: _ENDED, Unsigned: _D, Declined: _D}
    | dict.fromkeys(_PROVES_NOTHING, _D),
}


class Fact(Enum):
    """What happened, as far as the SetupIntent is concerned."""

    METHOD_GIVEN = "a payment method was named"
    STARTED = "a mandate was recorded"
    OPENED = "it can be signed"
    SIGNED = "it was signed"
    GONE = "it can no longer be signed"
    CANCELED = "nobody shall sign any more"


_RPM, _RC = SetupStatus.REQUIRES_PAYMENT_METHOD, SetupStatus.REQUIRES_CONFIRMATION
_RA, _S, _C = SetupStatus.REQUIRES_ACTION, SetupStatus.SUCCEEDED, SetupStatus.CANCELED
_WAITING: Final = {Fact.METHOD_GIVEN: _RC, Fact.STARTED: _RA, Fact.CANCELED: _C}

SETUP: Final[dict[SetupStatus, dict[Fact, SetupStatus]]] = {
    _RPM: _WAITING,
    _RC: _WAITING,
    _RA: {
        Fact.METHOD_GIVEN: _RA, Fact.STARTED: _RA, Fact.OPENED: _RA, Fact.SIGNED: _S, Fact.GONE: _RPM,
        Fact.CANCELED: _C,
    },
    _S: {},
    _C: {},
}  # fmt: skip

NOT_SIGNED: Final = PaymentError(
    "setup_attempt_failed", "mandate_not_signed", "The buyer did not sign in time. Confirm again for a new page."
)
SIGNED_BY_ANOTHER: Final = PaymentError(
    "setup_attempt_failed",
    "mandate_signed_by_another",
    "Somebody else than the named buyer signed; that contract is being ended. Confirm again.",
)
ENDED_BEFORE: Final = PaymentError(
    "setup_attempt_failed", "mandate_inactive", "The contract was ended before it was in force. Confirm again."
)


@dataclass(frozen=True, slots=True)
class MandateStep:
    """A SetupIntent and its mandate after something happened, and what became true by it."""

    setup: SetupIntent
    mandate: Mandate | None = None
    events: tuple[EventType, ...] = ()


def _status(setup: SetupIntent, fact: Fact) -> SetupStatus:
    try:
        return SETUP[setup.status][fact]
    except KeyError:
        raise IllegalTransition(f"a {setup.status.value} setup_intent has no row for: {fact.value}") from None


# --- what callers ask -------------------------------------------------------------------------


def create(setup: SetupIntent) -> MandateStep:
    """A new SetupIntent; its first status depends on whether a payment method was named."""
    assert setup.status is _RPM
    status = _status(setup, Fact.METHOD_GIVEN) if setup.payment_method else setup.status
    return MandateStep(replace(setup, status=status), events=(EventType.SETUP_CREATED,))


def require_changeable(setup: SetupIntent) -> None:
    """Refuse a change to a SetupIntent that is final."""
    if setup.is_final():
        raise Conflict(
            f"This SetupIntent can't be changed: it is {setup.status.value}, which is final.",
            code="setup_intent_unexpected_state",
        )


def name_method(setup: SetupIntent, method: PaymentMethod) -> SetupIntent:
    """The payment method becomes the SetupIntent's; nothing is asked of a provider yet."""
    require_changeable(setup)
    return replace(setup, status=_status(setup, Fact.METHOD_GIVEN), payment_method=method)


def start(setup: SetupIntent, mandate: Mandate) -> MandateStep:
    """A mandate is recorded, before the provider hears of it."""
    require_changeable(setup)
    changed = replace(setup, status=_status(setup, Fact.STARTED), mandate_id=mandate.id, last_setup_error=None)
    return MandateStep(changed, mandate)


def give_up(mandate: Mandate) -> Mandate:
    """Another mandate takes its place, or nobody wants one any more."""
    return replace(mandate, state=_L, client_params=None) if mandate.is_signable() else mandate


def cancel(setup: SetupIntent, mandate: Mandate | None, *, reason: str | None, now_ms: int) -> MandateStep:
    """Nobody shall sign any more; a page that is open at the provider is answered by ending what is signed there."""
    require_changeable(setup)
    changed = replace(setup, status=_status(setup, Fact.CANCELED), canceled_ms=now_ms, cancellation_reason=reason)
    after = None if mandate is None else give_up(mandate)
    events: tuple[EventType, ...] = (EventType.SETUP_CANCELED,)
    if mandate is not None and after is not None:
        events += _told(mandate, after)
    return MandateStep(changed, after, events)


def end(mandate: Mandate, *, now_ms: int) -> tuple[Mandate, tuple[EventType, ...]]:
    """The merchant ends it: nothing may be taken from now on, whatever the provider answers. Again is a repeat."""
    if mandate.is_signable():
        raise Conflict(
            "This mandate is not signed yet; cancel its SetupIntent instead.", code="mandate_unexpected_state"
        )
    if mandate.state is not _A:
        return mandate, ()
    after = replace(mandate, state=_ENDING, ended_ms=now_ms)
    return after, _told(mandate, after)


def require_chargeable(mandate: Mandate) -> None:
    """Refuse a charge that the buyer has not allowed, or allows no longer; call it with the mandate locked."""
    if not mandate.is_chargeable():
        raise Conflict(
            "This payment_method can't be charged: its mandate is "
            f"{PUBLIC_STATUS[mandate.state]}. Set up a new one with a SetupIntent.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )


def told(mandate: Mandate, notice: DebitNotice) -> Mandate:
    """The buyer was told of a debit to come."""
    return replace(mandate, notice=notice)


# --- what a provider said ---------------------------------------------------------------------


def advance(setup: SetupIntent, mandate: Mandate, observation: MandateObservation, *, now_ms: int) -> MandateStep:
    """The SetupIntent and the mandate after one observation about the mandate."""
    assert mandate.setup_id == setup.id
    said = _weigh(mandate, observation, now_ms)
    state = MANDATE[mandate.state].get(type(said))
    if state is None:
        raise IllegalTransition(f"a {mandate.state.value} mandate has no row for {type(said).__name__}")
    strange = isinstance(said, Signed) and state is _A and not _agrees(mandate, said)
    after = replace(mandate, state=_ENDING if strange else state)
    match said:
        case PageOpened() if state is _O:
            after = replace(after, client_params=said.client_params, presentable_until_ms=said.presentable_until_ms)
        case Signed() if mandate.state is not state or strange:
            after = replace(after, handle=said.handle, signed_ms=said.signed_ms, client_params=None)
        case Ended() if mandate.state is not _ENDED:
            ended_ms = mandate.ended_ms or said.ended_ms
            after = replace(after, handle=mandate.handle or said.handle, ended_ms=ended_ms, client_params=None)
    told_of_mandate = _told(mandate, after)
    changed, told_of_setup = _setup_after(setup, mandate, after, said, strange=strange)
    return MandateStep(changed, after, told_of_setup + told_of_mandate)


def _weigh(mandate: Mandate, said: MandateObservation, now_ms: int) -> MandateObservation:
    """What it proves that the provider knows no contract: none was signed once it can no longer be, or it is over."""
    if not isinstance(said, Absent):
        return said
    if mandate.is_signable() and now_ms >= mandate.expires_ms:
        return Unsigned()
    ending_ms = mandate.ended_ms or mandate.signed_ms or mandate.created_ms
    if mandate.state is _ENDING and now_ms >= ending_ms + UNKNOWN_FOR_MS:
        return Ended(mandate.handle, ending_ms)
    return said


def _agrees(mandate: Mandate, said: Signed) -> bool:
    """Whether the contract is the one that was asked for; what the provider does not state is not held against it."""
    return said.payer in (None, mandate.payer) and said.app in (None, mandate.app)


def _setup_after(
    setup: SetupIntent, was: Mandate, after: Mandate, said: MandateObservation, *, strange: bool
) -> tuple[SetupIntent, tuple[EventType, ...]]:
    if setup.mandate_id != after.id or setup.is_final() or not was.is_signable():
        return setup, ()
    if isinstance(said, PageOpened):
        changed = replace(setup, status=_status(setup, Fact.OPENED))
        return changed, (EventType.SETUP_REQUIRES_ACTION,) if was.state is _R else ()
    if after.state is _A:
        return replace(setup, status=_status(setup, Fact.SIGNED), last_setup_error=None), (EventType.SETUP_SUCCEEDED,)
    if after.is_signable():
        return setup, ()
    error = ENDED_BEFORE if after.state is _ENDED else NOT_SIGNED
    if strange:
        error = SIGNED_BY_ANOTHER
    elif isinstance(said, Declined):
        error = PaymentError(said.code, said.decline_code, said.message)
    changed = replace(setup, status=_status(setup, Fact.GONE), last_setup_error=error)
    return changed, (EventType.SETUP_FAILED,)


def _told(was: Mandate, after: Mandate) -> tuple[EventType, ...]:
    """What the merchant hears of a mandate: each change of its status, and whether its method can be charged."""
    if PUBLIC_STATUS[was.state] == PUBLIC_STATUS[after.state]:
        return ()
    if after.is_chargeable():
        return (EventType.METHOD_ATTACHED, EventType.MANDATE_UPDATED)
    if was.is_chargeable():
        return (EventType.MANDATE_UPDATED, EventType.METHOD_DETACHED)
    return (EventType.MANDATE_UPDATED,)

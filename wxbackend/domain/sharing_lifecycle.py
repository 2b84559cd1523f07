"""The state machines of sharings, their parts and their returns, as tables; the only place that computes their states.

The law of an order's money: shared, less what came back, and refunded are never more than was paid. It is kept under
the lock of the order's intent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from wxbackend.domain.errors import Conflict, IllegalTransition, InvalidRequest
from wxbackend.domain.event import EventType
from wxbackend.domain.observation import Absent, Declined, Pending, Uncertain
from wxbackend.domain.profit_sharing import (
    RETURN_UNSENT,
    SHARINGS_PER_ORDER_MAX,
    Part,
    PartState,
    PartyKind,
    ProfitSharing,
    ReturnState,
    SharingReturn,
    SharingState,
)
from wxbackend.domain.sharing_observation import (
    PartResult,
    ReturnFailed,
    ReturnObservation,
    ReturnProcessing,
    ReturnSucceeded,
    SharingFinished,
    SharingObservation,
    SharingProcessing,
)

_R, _U, _P, _F, _D = (
    SharingState.RECORDED, SharingState.UNCERTAIN, SharingState.PROCESSING, SharingState.FINISHED,
    SharingState.DECLINED,
)  # fmt: skip
_TAKEN: Final[dict[type, SharingState]] = {SharingProcessing: _P, SharingFinished: _F}
_UNSENT: Final[dict[type, SharingState]] = _TAKEN | {Declined: _D, Pending: _U, Uncertain: _U}
_PROVES_NOTHING: Final = (Declined, Pending, Absent, Uncertain)
SHARING: Final[dict[SharingState, dict[type, SharingState]]] = {
    _R: _UNSENT | {Absent: _R},
    _U: _UNSENT | {Absent: _U},
    # A repeat that is refused or lost does not undo what the provider has taken.
    _P: _TAKEN | dict.fromkeys(_PROVES_NOTHING, _P),
    _F: dict.fromkeys((*_TAKEN, *_PROVES_NOTHING), _F),
    _D: _TAKEN | dict.fromkeys(_PROVES_NOTHING, _D),
}

PART: Final[dict[PartState, dict[PartState, PartState]]] = {
    PartState.PENDING: {each: each for each in PartState},
    # A part that was given after all is booked, though it had been called closed.
    PartState.CLOSED: {
        PartState.PENDING: PartState.CLOSED,
        PartState.CLOSED: PartState.CLOSED,
        PartState.SUCCEEDED: PartState.SUCCEEDED,
    },
    PartState.SUCCEEDED: dict.fromkeys(PartState, PartState.SUCCEEDED),
}

_RR, _RU, _RP, _RS, _RF, _RD = (
    ReturnState.RECORDED, ReturnState.UNCERTAIN, ReturnState.PROCESSING, ReturnState.SUCCEEDED, ReturnState.FAILED,
    ReturnState.DECLINED,
)  # fmt: skip
_RETURN_TAKEN: Final[dict[type, ReturnState]] = {ReturnProcessing: _RP, ReturnSucceeded: _RS, ReturnFailed: _RF}
_RETURN_UNSENT: Final[dict[type, ReturnState]] = _RETURN_TAKEN | {Declined: _RD, Pending: _RU, Uncertain: _RU}
RETURN: Final[dict[ReturnState, dict[type, ReturnState]]] = {
    _RR: _RETURN_UNSENT | {Absent: _RR},
    _RU: _RETURN_UNSENT | {Absent: _RU},
    _RP: _RETURN_TAKEN | dict.fromkeys(_PROVES_NOTHING, _RP),
    _RS: dict.fromkeys((*_RETURN_TAKEN, *_PROVES_NOTHING), _RS),
    _RF: dict.fromkeys((*_RETURN_TAKEN, *_PROVES_NOTHING), _RF) | {ReturnSucceeded: _RS},
    _RD: dict.fromkeys((ReturnFailed, *_PROVES_NOTHING), _RD) | {ReturnProcessing: _RP, ReturnSucceeded: _RS},
}


@dataclass(frozen=True, slots=True)
class SharingStep:
    """A sharing after one observation, and what became true by it."""

    sharing: ProfitSharing
    events: tuple[EventType, ...] = ()


@dataclass(frozen=True, slots=True)
class ReturnStep:
    """A return after one observation, and what became true by it."""

    returned: SharingReturn
    events: tuple[EventType, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """All that was asked for of one order's money; read under its intent's lock."""

    paid: int
    refunded: int
    sharings: Sequence[ProfitSharing] = ()
    returns: Sequence[SharingReturn] = ()

    def shared(self) -> int:
        """What is on its way to others or there, less what surely came back."""
        return sum(each.holds() for each in self.sharings) - sum(each.brought() for each in self.returns)

    def remaining(self) -> int:
        """What may still be shared: what came back from a receiver is the merchant's own and not shared anew."""
        return max(0, self.paid - self.refunded - sum(each.holds() for each in self.sharings))

    def is_finished(self) -> bool:
        """Whether the rest was asked to be released, so that nothing can be shared any more."""
        return any(each.finish and each.state is not SharingState.DECLINED for each in self.sharings)

    def with_merchants(self) -> int:
        """What lies with other merchants and can be brought back; what a person has cannot."""
        given = sum(part.holds() for each in self.sharings if each.state is not SharingState.DECLINED
                    for part in each.parts if part.kind is PartyKind.MERCHANT)  # fmt: skip
        return given - sum(each.brought() for each in self.returns)


def require_sharable(money: OrderMoney, parts: Sequence[Part]) -> None:
    """Refuse a sharing that the order cannot bear; call it with the intent locked."""
    if money.is_finished():
        raise Conflict(
            "What remained of this payment was released already; nothing of it can be shared any more.",
            code="profit_sharing_finished",
            param="payment_intent",
        )
    if len(money.sharings) >= SHARINGS_PER_ORDER_MAX:
        raise Conflict(
            f"This payment has {SHARINGS_PER_ORDER_MAX} sharings already, the most that WeChat Pay allows.",
            code="profit_sharing_limit",
        )
    asked, remaining = sum(part.amount for part in parts), money.remaining()
    if asked > remaining:
        raise InvalidRequest(
            f"The receivers' amounts are {asked} together, more than the {remaining} that may still be shared.",
            code="amount_too_large",
            param="receivers",
        )


def require_returnable(sharing: ProfitSharing, party: str, amount: int, returns: Sequence[SharingReturn]) -> Part:
    """The part that the return is of; refuse what it cannot bear. Call it with the intent locked."""
    part = sharing.part_of(party)
    if part is None:
        raise InvalidRequest("This sharing has no such receiver.", code="parameter_invalid", param="receiver")
    if part.kind is not PartyKind.MERCHANT:
        raise InvalidRequest("Only what a merchant received can be returned.", code="parameter_invalid",
                             param="receiver")  # fmt: skip
    if part.state is not PartState.SUCCEEDED:
        raise Conflict(
            f"The receiver's part is {part.state.value}; only what was received can be returned.",
            code="profit_sharing_unexpected_state",
            param="receiver",
        )
    left = part.amount - sum(each.holds() for each in returns if each.party == party)
    if amount > left:
        raise InvalidRequest(
            f"amount is more than the {left} that remain of this part.", code="amount_too_large", param="amount"
        )
    return part


def require_not_shared_away(money: OrderMoney, amount: int) -> None:
    """Refuse a refund of money that lies with other merchants, and say what to do first."""
    left = money.paid - money.refunded - money.with_merchants()
    if amount > left:
        raise Conflict(
            f"{money.with_merchants()} of this payment were shared with other merchants. Bring them back first with "
            f"POST /v1/profit_sharing_returns; until then at most {max(0, left)} can be refunded.",
            code="profit_sharing_return_required",
            param="amount",
        )


def create(sharing: ProfitSharing) -> SharingStep:
    """A new sharing, its amounts reserved."""
    assert sharing.state is _R
    return SharingStep(sharing, (EventType.SHARING_CREATED,))


def create_return(returned: SharingReturn) -> ReturnStep:
    """A new return, its amount reserved."""
    assert returned.state is _RR
    return ReturnStep(returned, (EventType.RETURN_CREATED,))


def advance(sharing: ProfitSharing, observation: SharingObservation, *, now_ms: int) -> SharingStep:
    """The sharing after one observation."""
    state = SHARING[sharing.state].get(type(observation))
    if state is None:
        raise IllegalTransition(f"a {sharing.state.value} sharing has no row for {type(observation).__name__}")
    after = replace(sharing, state=state)
    if isinstance(observation, SharingProcessing | SharingFinished):
        told = {(result.kind, result.party): result for result in observation.results}
        parts = tuple(_part(part, told.get((part.kind, part.party))) for part in sharing.parts)
        if state is _F and any(part.state is PartState.PENDING for part in parts):
            state = _P  # finished, yet a part has no end: it is asked again
        finished_ms = sharing.finished_ms or (now_ms if state is _F else None)
        handle = observation.handle or sharing.handle
        after = replace(after, state=state, parts=parts, handle=handle, failure=None, finished_ms=finished_ms)
    if isinstance(observation, Declined) and state is _D and sharing.state is not _D:
        after = replace(after, failure=observation.decline_code)
    if state in (_F, _D):
        after = replace(after, parts=tuple(replace(part, name=None) for part in after.parts))
    changed = (after.state, after.parts) != (sharing.state, sharing.parts)
    return SharingStep(after, (EventType.SHARING_UPDATED,) if changed else ())


def advance_return(returned: SharingReturn, observation: ReturnObservation) -> ReturnStep:
    """The return after one observation."""
    state = RETURN[returned.state].get(type(observation))
    if state is None:
        raise IllegalTransition(f"a {returned.state.value} return has no row for {type(observation).__name__}")
    if state is returned.state:
        return ReturnStep(returned)
    after = replace(returned, state=state)
    match observation:
        case ReturnProcessing(handle):
            after = replace(after, handle=handle, failure=None)
        case ReturnSucceeded(handle, returned_ms, _):
            after = replace(after, handle=handle, returned_ms=returned_ms, failure=None)
        case ReturnFailed(handle, reason):
            after = replace(after, handle=handle, failure=reason)
        case Declined():
            after = replace(after, failure=observation.decline_code)
    return ReturnStep(after, (EventType.RETURN_UPDATED,))


def is_return_unsent(returned: SharingReturn) -> bool:
    """Whether the same request is sent again, with the same number."""
    return returned.state in RETURN_UNSENT


def _part(part: Part, result: PartResult | None) -> Part:
    """The part after what was said of it; another amount than ours is never believed."""
    if result is None or result.amount != part.amount:
        return part
    state = PART[part.state][result.state]
    if state is part.state:
        return part
    return replace(part, state=state, failure=result.failure if state is PartState.CLOSED else None)

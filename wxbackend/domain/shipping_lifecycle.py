"""The state machine of a shipping, as a table; the only place where its state is computed.

Unknown is not failed: after a call without an answer only WeChat's own record says whether the telling is there, and a
refusal of a repeat proves nothing about the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wxbackend.domain.errors import Conflict, IllegalTransition, InvalidRequest
from wxbackend.domain.event import EventType
from wxbackend.domain.observation import Absent, Pending, Uncertain
from wxbackend.domain.shipping import (
    BEING_TOLD,
    FINAL,
    PARCELS_MAX,
    TELLINGS_MAX,
    Shipping,
    ShippingState,
    Telling,
    check_telling,
)


@dataclass(frozen=True, slots=True)
class Taken:
    """WeChat has what was told: all of the payment's goods, or some of its parcels."""

    complete: bool


@dataclass(frozen=True, slots=True)
class NotSent:
    """It never left us, or WeChat would not hear any call of ours: nothing was done there."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class NotKnownYet:
    """WeChat does not know the payment yet; normal for seconds, sometimes for minutes."""


@dataclass(frozen=True, slots=True)
class Refused:
    """WeChat will not take it as it is. `code` is our word for it."""

    code: str


@dataclass(frozen=True, slots=True)
class SeenWaiting:
    """WeChat waits for all of it, or for the rest: `numbers` are the parcels that it knows."""

    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SeenShipped:
    """All of it was told so often, by us or in WeChat's console."""

    tellings: int
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SeenReceived:
    """The buyer has it, or WeChat takes it for granted."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The money is free."""

    settled_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SettlesAt:
    """When WeChat means to set the money free."""

    settles_ms: int


@dataclass(frozen=True, slots=True)
class SeenRefunded:
    """All of the money went back to the buyer."""


ShippingObservation = (
    Taken
    | NotSent
    | NotKnownYet
    | Refused
    | SeenWaiting
    | SeenShipped
    | SeenReceived
    | Settled
    | SettlesAt
    | SeenRefunded
    | Pending
    | Absent
    | Uncertain
)

_S = ShippingState
_ENDS: Final[dict[type, ShippingState]] = {SeenReceived: _S.RECEIVED, Settled: _S.SETTLED, SeenRefunded: _S.REFUNDED}
_NOTHING: Final = (NotSent, Pending, SettlesAt)


def _stays(state: ShippingState, *said: type) -> dict[type, ShippingState]:
    return dict.fromkeys(said, state)


# `Taken` of some parcels leads to PARTLY, of all to SHIPPED. What is seen while a telling of ours is on its way is
# what was told before it: whether ours is there is found by `is_there`, and becomes `Taken`.
SHIPPING: Final[dict[ShippingState, dict[type, ShippingState]]] = {
    _S.AWAITED: _ENDS
    | _stays(_S.AWAITED, *_NOTHING, NotKnownYet, Refused, SeenWaiting, Absent, Uncertain)
    | {Taken: _S.SHIPPED, SeenShipped: _S.SHIPPED},
    _S.RECORDED: _ENDS
    | _stays(_S.RECORDED, *_NOTHING, SeenWaiting, SeenShipped)
    | {Taken: _S.SHIPPED, NotKnownYet: _S.LATER, Absent: _S.LATER, Refused: _S.REFUSED, Uncertain: _S.UNCERTAIN},
    _S.UNCERTAIN: _ENDS
    | _stays(_S.UNCERTAIN, *_NOTHING, Refused, Uncertain)
    | {Taken: _S.SHIPPED, NotKnownYet: _S.LATER, Absent: _S.LATER, SeenWaiting: _S.RECORDED, SeenShipped: _S.RECORDED},
    _S.LATER: _ENDS
    | _stays(_S.LATER, *_NOTHING, NotKnownYet, Absent, SeenWaiting, SeenShipped)
    | {Taken: _S.SHIPPED, Refused: _S.REFUSED, Uncertain: _S.UNCERTAIN},
    _S.REFUSED: _ENDS
    | _stays(_S.REFUSED, *_NOTHING, NotKnownYet, Refused, SeenWaiting, Absent, Uncertain)
    | {Taken: _S.SHIPPED, SeenShipped: _S.SHIPPED},
    _S.PARTLY: _ENDS
    | _stays(_S.PARTLY, *_NOTHING, NotKnownYet, Refused, SeenWaiting, Absent, Uncertain)
    | {Taken: _S.SHIPPED, SeenShipped: _S.SHIPPED},
    _S.SHIPPED: _ENDS
    | _stays(_S.SHIPPED, *_NOTHING, Taken, NotKnownYet, Refused, SeenWaiting, SeenShipped, Absent, Uncertain),
    # Received cannot be undone, and neither can free money.
    _S.RECEIVED: _ENDS
    | _stays(_S.RECEIVED, *_NOTHING, Taken, NotKnownYet, Refused, SeenWaiting, SeenShipped, Absent, Uncertain),
    _S.SETTLED: _stays(
        _S.SETTLED, *_NOTHING, *_ENDS, Taken, NotKnownYet, Refused, SeenWaiting, SeenShipped, Absent, Uncertain
    ),
    _S.REFUNDED: _stays(
        _S.REFUNDED, *_NOTHING, *_ENDS, Taken, NotKnownYet, Refused, SeenWaiting, SeenShipped, Absent, Uncertain
    ),
}


@dataclass(frozen=True, slots=True)
class ShippingStep:
    """A shipping after one observation, and what became true by it."""

    shipping: Shipping
    events: tuple[EventType, ...] = ()


def advance(shipping: Shipping, observation: ShippingObservation) -> ShippingStep:
    """The shipping after one observation."""
    state = SHIPPING[shipping.state].get(type(observation))
    if state is None:
        raise IllegalTransition(f"a {shipping.state.value} shipping has no row for {type(observation).__name__}")
    if isinstance(observation, Taken) and not observation.complete and state is _S.SHIPPED:
        state = shipping.state if shipping.state is _S.SHIPPED else _S.PARTLY
    after = replace(shipping, state=state)
    match observation:
        case Taken(complete) if shipping.state in BEING_TOLD:
            tellings = min(TELLINGS_MAX, shipping.tellings + 1) if complete else shipping.tellings
            after = replace(after, tellings=tellings, failure=None)
        case SeenShipped(tellings) if state is _S.SHIPPED:
            after = replace(after, tellings=min(TELLINGS_MAX, max(shipping.tellings, tellings)), failure=None)
        case Refused(code) if state is _S.REFUSED:
            after = replace(after, failure=code)
        case Settled(settled_ms) if state is not shipping.state:
            after = replace(after, settled_ms=settled_ms, frozen=0)
        case SettlesAt(settles_ms) if state not in FINAL:
            after = replace(after, settles_ms=settles_ms)
        case SeenRefunded() if state is not shipping.state:
            after = replace(after, frozen=0)
    return ShippingStep(after, _events(shipping, after, observation))


def _events(was: Shipping, now: Shipping, observation: ShippingObservation) -> tuple[EventType, ...]:
    if isinstance(observation, Taken) and was.state in BEING_TOLD:
        return (EventType.SHIPPING_UPLOADED,)
    if now.state is was.state:
        return ()
    if now.state is _S.REFUSED:
        return (EventType.SHIPPING_REFUSED,)
    return (EventType.INTENT_SETTLED,) if now.state is _S.SETTLED else ()


def tell(shipping: Shipping, telling: Telling, *, now_ms: int) -> Shipping:
    """The shipping with something to tell; refuses what its state does not allow."""
    check_telling(telling)
    if shipping.state in BEING_TOLD:
        raise Conflict(
            "What was told before is still on its way to WeChat. Wait for the event shipping.uploaded.",
            code="shipping_in_progress",
        )
    if shipping.state in FINAL or shipping.state is _S.RECEIVED:
        raise Conflict(f"This order is {shipping.state.value} already; nothing more can be told.", code="shipping_over")
    if shipping.tellings >= TELLINGS_MAX:
        raise Conflict(
            "WeChat takes one correction of what was shipped, and it was used.", code="shipping_already_corrected"
        )
    known = shipping.telling
    if shipping.state is _S.PARTLY and known is not None:
        telling = _joined(known, telling)
    told_ms = now_ms if shipping.told_ms is None else max(now_ms, shipping.told_ms + 1)
    return replace(shipping, state=_S.RECORDED, telling=telling, told_ms=told_ms, failure=None)


def _joined(known: Telling, telling: Telling) -> Telling:
    """All parcels of a payment that is told parcel by parcel: WeChat is told the whole list each time."""
    if not telling.split:
        raise InvalidRequest(
            "delivery_mode: some parcels are told already; go on with split, and end with all_shipped.",
            code="parameter_invalid",
            param="delivery_mode",
        )
    numbers = {parcel.tracking_number for parcel in telling.parcels}
    parcels = (*(parcel for parcel in known.parcels if parcel.tracking_number not in numbers), *telling.parcels)
    if len(parcels) > PARCELS_MAX:
        raise InvalidRequest(
            f"items: {PARCELS_MAX} parcels are the most for one payment.", code="parameter_invalid", param="items"
        )
    return replace(telling, parcels=parcels)


def is_there(shipping: Shipping, seen: ShippingObservation) -> bool:
    """Whether what WeChat shows proves that it has the telling which is on its way."""
    telling = shipping.telling
    if telling is None or shipping.state not in BEING_TOLD:
        return False
    numbers = frozenset(parcel.tracking_number for parcel in telling.parcels if parcel.tracking_number)
    if isinstance(seen, SeenShipped):
        return telling.complete and seen.tellings > shipping.tellings and numbers <= seen.numbers
    if isinstance(seen, SeenWaiting):
        return not telling.complete and bool(numbers) and numbers <= seen.numbers
    return False


def is_open(seen: ShippingObservation) -> bool:
    """Whether what WeChat shows leaves room for the telling that it does not have."""
    return isinstance(seen, SeenWaiting | SeenShipped | Absent)

"""The state machine of a transfer to a person, as a table; the only place where such a state is computed.

Unknown is not failed: only the provider's own final word releases the reserved amount. Money that went out after all
is booked even when we had given the transfer up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wxbackend.domain.errors import Conflict, IllegalTransition
from wxbackend.domain.event import EventType
from wxbackend.domain.merchant_transfer import ENDED, IN_FLIGHT_MS_MAX, UNSENT, MerchantTransfer, MerchantTransferState
from wxbackend.domain.observation import Absent, Declined, Pending, Uncertain
from wxbackend.domain.transfer_observation import (
    TransferAccepted,
    TransferAwaiting,
    TransferCanceled,
    TransferCanceling,
    TransferFailed,
    TransferMoving,
    TransferObservation,
    TransferPaid,
    TransferShort,
)

_State = MerchantTransferState
_R, _U, _SHORT, _A, _W = _State.RECORDED, _State.UNCERTAIN, _State.SHORT, _State.ACCEPTED, _State.AWAITING
_M, _CG, _P, _F, _C, _D = (
    _State.MOVING, _State.CANCELING, _State.PAID, _State.FAILED, _State.CANCELED, _State.DECLINED,
)  # fmt: skip

_ENDS: Final[dict[type, MerchantTransferState]] = {TransferPaid: _P, TransferFailed: _F, TransferCanceled: _C}
_TAKEN: Final[dict[type, MerchantTransferState]] = {
    TransferAccepted: _A, TransferAwaiting: _W, TransferMoving: _M, TransferCanceling: _CG, **_ENDS,
}  # fmt: skip
_UNSENT: Final[dict[type, MerchantTransferState]] = _TAKEN | {
    TransferShort: _SHORT, Declined: _D, Uncertain: _U, Pending: _U,
}  # fmt: skip
_PROVES_NOTHING: Final = (TransferShort, Declined, Uncertain, Pending, Absent)
_ALL: Final = (*_TAKEN, *_PROVES_NOTHING)

TRANSFER: Final[dict[MerchantTransferState, dict[type, MerchantTransferState]]] = {
    _R: _UNSENT | {Absent: _R},
    _U: _UNSENT | {Absent: _U},
    _SHORT: _UNSENT | {Absent: _SHORT},
    # A repeat that is refused or lost does not undo what the provider has taken.
    _A: _TAKEN | dict.fromkeys(_PROVES_NOTHING, _A),
    # What was said before may arrive after: a person who confirmed does not have to confirm again.
    _W: _TAKEN | dict.fromkeys((TransferAccepted, *_PROVES_NOTHING), _W),
    _M: dict.fromkeys((TransferAccepted, TransferAwaiting, TransferMoving, *_PROVES_NOTHING), _M)
    | {TransferCanceling: _CG} | _ENDS,
    _CG: dict.fromkeys(_ALL, _CG) | _ENDS,
    _P: dict.fromkeys(_ALL, _P),
    _F: dict.fromkeys(_ALL, _F) | {TransferPaid: _P},
    _C: dict.fromkeys(_ALL, _C) | {TransferPaid: _P},
    _D: _TAKEN | dict.fromkeys((TransferFailed, TransferCanceled, *_PROVES_NOTHING), _D),
}  # fmt: skip

_ENDING: Final = {
    _P: EventType.TRANSFER_PAID,
    _F: EventType.TRANSFER_FAILED,
    _D: EventType.TRANSFER_FAILED,
    _C: EventType.TRANSFER_CANCELED,
}


@dataclass(frozen=True, slots=True)
class TransferStep:
    """A transfer after one observation, and what became true by it."""

    transfer: MerchantTransfer
    events: tuple[EventType, ...] = ()


def create(transfer: MerchantTransfer) -> TransferStep:
    """A new transfer, its amount reserved."""
    assert transfer.state is _R
    return TransferStep(transfer, (EventType.TRANSFER_CREATED,))


def request_cancel(transfer: MerchantTransfer, *, now_ms: int) -> TransferStep:
    """Note that nobody shall get it any more; refuse when it has ended."""
    if transfer.state in ENDED:
        raise Conflict(
            f"This transfer is {transfer.state.value}; only one that the recipient has not confirmed can be canceled.",
            code="transfer_unexpected_state",
        )
    if transfer.cancel_requested_ms is not None:
        return TransferStep(transfer)
    return TransferStep(replace(transfer, cancel_requested_ms=now_ms))


def advance(transfer: MerchantTransfer, observation: TransferObservation, *, now_ms: int) -> TransferStep:
    """The transfer after one observation."""
    state = TRANSFER[transfer.state].get(type(observation))
    if state is None:
        raise IllegalTransition(f"a {transfer.state.value} transfer has no row for {type(observation).__name__}")
    if _never_came(transfer, observation, now_ms=now_ms):
        state = _C
    after = replace(transfer, state=state)
    if state is not transfer.state:
        after = _told(after, observation)
    if isinstance(observation, TransferAwaiting) and state is _W:
        params = observation.client_params or transfer.client_params
        after = replace(after, client_params=params, confirm_until_ms=observation.until_ms)
    if state in ENDED:
        after = replace(after, payee_name=None, client_params=None)
    if after == transfer:
        return TransferStep(after)
    changed = state is not transfer.state or after.client_params != transfer.client_params
    return TransferStep(after, _events(transfer, state) if changed else ())


def _events(was: MerchantTransfer, state: MerchantTransferState) -> tuple[EventType, ...]:
    if state is not was.state and state in _ENDING:
        return (_ENDING[state],)
    return (EventType.TRANSFER_UPDATED,)


def _never_came(transfer: MerchantTransfer, observation: TransferObservation, *, now_ms: int) -> bool:
    """Whether it surely never reached the provider, and shall not: then it can be called canceled here."""
    canceling = transfer.cancel_requested_ms is not None and transfer.state in UNSENT
    landed = now_ms - transfer.sent_ms > IN_FLIGHT_MS_MAX
    return canceling and landed and isinstance(observation, Absent)


def _told(after: MerchantTransfer, observation: TransferObservation) -> MerchantTransfer:
    """What the observation says beside the state."""
    match observation:
        case TransferPaid(handle, paid_ms, _):
            return replace(after, handle=handle or after.handle, paid_ms=paid_ms, failure=None)
        case TransferFailed(handle, reason):
            return replace(after, handle=handle or after.handle, failure=reason)
        case Declined():
            return replace(after, failure=observation.decline_code)
        case TransferShort() | Pending() | Absent() | Uncertain():
            return after
    return replace(after, handle=observation.handle or after.handle, failure=None)

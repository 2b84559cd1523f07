"""What sharings and returns mean for the journal: each receiver's part is reserved, and then gone or free again."""

from __future__ import annotations

from typing import Final

from wxbackend.domain.ledger import SHARINGS, SHARINGS_PENDING, Transfer, TransferKind, at_provider
from wxbackend.domain.profit_sharing import (
    RECEIVERS_MAX,
    Part,
    PartState,
    ProfitSharing,
    ReturnState,
    SharingReturn,
    SharingState,
)

_HELD: Final = "held"
_GONE: Final = "gone"
_FREE: Final = "free"


def of_sharing(sharing: ProfitSharing, was: ProfitSharing | None) -> tuple[Transfer, ...]:
    """The rows that its new state makes; `was` is None for a new one."""
    moved: list[Transfer] = []
    for place, part in enumerate(sharing.parts):
        before = _FREE if was is None else _standing(was, was.parts[place])
        after = _standing(sharing, part)
        if before == after:
            continue
        assert before != _GONE, "a part that was given is never taken for not given"
        if before == _FREE:
            kind = TransferKind.SHARING_RESERVED if was is None else TransferKind.SHARING_RESERVED_AGAIN
            moved.append(_row(kind, sharing, place, SHARINGS, SHARINGS_PENDING))
        if after == _GONE:
            provider = at_provider(sharing.provider, sharing.merchant)
            moved.append(_row(TransferKind.SHARING_PAID, sharing, place, SHARINGS_PENDING, provider))
        if after == _FREE:
            moved.append(_row(TransferKind.SHARING_RELEASED, sharing, place, SHARINGS_PENDING, SHARINGS))
    return tuple(moved)


def of_return(returned: SharingReturn, was: ReturnState) -> tuple[Transfer, ...]:
    """The row of money that came back."""
    if returned.state is not ReturnState.SUCCEEDED or was is ReturnState.SUCCEEDED:
        return ()
    provider, money = at_provider(returned.provider, returned.merchant), returned.money
    return (Transfer(TransferKind.SHARING_RETURNED, returned.id, provider, SHARINGS, money.amount, money.currency),)


def _standing(sharing: ProfitSharing, part: Part) -> str:
    if part.state is PartState.SUCCEEDED:
        return _GONE
    if part.state is PartState.CLOSED or sharing.state is SharingState.DECLINED:
        return _FREE
    return _HELD


def _row(kind: TransferKind, sharing: ProfitSharing, place: int, debit: str, credit: str) -> Transfer:
    occasion = sharing.version * RECEIVERS_MAX + place
    return Transfer(kind, sharing.id, debit, credit, sharing.parts[place].amount, sharing.currency, occasion)

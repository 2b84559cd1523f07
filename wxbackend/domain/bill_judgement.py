"""Whether a row of a bill and what we have fit together, and what is wrong when they do not.

Nothing is invented: a bill is made in the night, so what we learned since may be further on than it, and that is no
difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.bill import FEE_UNITS, BillRow, FundsRow, Movement, Subject, Told
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind
from wxbackend.domain.refund import RefundState

RATE_MILLIONTHS: Final = 1_000_000
FEE_TOLERANCE_UNITS: Final = FEE_UNITS
"""A fee may be rounded by less than this."""

_FITTING: Final = {
    Told.REFUNDED: frozenset({RefundState.SUCCEEDED}),
    Told.REFUND_FAILED: frozenset({RefundState.CLOSED, RefundState.DECLINED}),
    Told.REFUND_ABNORMAL: frozenset({RefundState.ABNORMAL, RefundState.SUCCEEDED, RefundState.CLOSED}),
    Told.REFUNDING: frozenset(
        {RefundState.PROCESSING, RefundState.ABNORMAL, RefundState.SUCCEEDED, RefundState.CLOSED}
    ),
    Told.REFUND_UNKNOWN: frozenset(RefundState),
}
"""What a refund may be here after a bill told that of it in the night."""


@dataclass(frozen=True, slots=True)
class OurPayment:
    """An order of ours, as far as a bill speaks of it. `fee` is what was booked for it, None for nothing."""

    id: int
    intent_id: int
    account: str
    livemode: bool
    out_trade_no: str
    transaction: str | None
    amount: int
    currency: str
    state: AttemptState
    paid_ms: int | None
    fee: int | None = None
    provider: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class OurRefund:
    """A refund of ours, as far as a bill speaks of it. `fee` is what came back of the fee, None for nothing."""

    id: int
    intent_id: int
    attempt_id: int
    account: str
    livemode: bool
    out_refund_no: str
    handle: str | None
    amount: int
    currency: str
    state: RefundState
    created_ms: int
    succeeded_ms: int | None
    fee: int | None = None
    provider: str = field(kw_only=True)


def judge_payment(  # noqa: PLR0911 - each return is a case
    row: BillRow, ours: OurPayment | None, *, explained: bool
) -> Discrepancy | None:
    """A row about a payment; `explained` when this money is on record as not fitting already."""
    if explained:
        return None
    if row.told is not Told.PAID:
        if ours is None or ours.state is not AttemptState.PAID or ours.transaction != row.transaction:
            return None
        return _found(DiscrepancyKind.STATUS, row, {"status": "paid"}, {"status": row.told.value})
    if ours is None:
        return _found(DiscrepancyKind.MISSING_HERE, row, {}, {"out_trade_no": row.out_trade_no})
    if ours.state is not AttemptState.PAID:
        return _found(DiscrepancyKind.STATUS, row, {"status": ours.state.value}, {"status": "paid"})
    if ours.transaction != row.transaction:
        known: dict[str, str | int] = {"transaction_id": ours.transaction or ""}
        return _found(DiscrepancyKind.MISSING_HERE, row, known, {"transaction_id": row.transaction})
    return _amounts(row, ours)


def judge_refund(row: BillRow, ours: OurRefund | None, *, explained: bool) -> Discrepancy | None:
    """A row about a refund."""
    if explained:
        return None
    if ours is None:
        if row.told is Told.REFUND_FAILED:
            return None
        return _found(DiscrepancyKind.MISSING_HERE, row, {}, {"out_refund_no": row.out_refund_no})
    if ours.state not in _FITTING[row.told]:
        return _found(DiscrepancyKind.STATUS, row, {"status": ours.state.value}, {"status": row.told.value})
    return _amounts(row, ours) if row.told is not Told.REFUND_FAILED else None


def fee_of(row: BillRow) -> int:
    """The fee in minor units, rounded half away from nothing, as it is taken; negative for what comes back."""
    whole = (abs(row.fee_units) + FEE_UNITS // 2) // FEE_UNITS
    return whole if row.fee_units >= 0 else -whole


def judge_fee(row: BillRow, booked: int | None) -> Discrepancy | None:
    """The fee against what was booked for it before, and against the rate that the bill itself names."""
    fee = fee_of(row)
    if booked is not None and booked != fee:
        return _found(DiscrepancyKind.FEE, row, {"fee": booked}, {"fee": fee})
    if row.told is Told.PAID and row.rate_millionths >= 0:
        due_units = row.settled * row.rate_millionths * FEE_UNITS // RATE_MILLIONTHS
        if abs(row.fee_units - due_units) > FEE_TOLERANCE_UNITS:
            return _found(DiscrepancyKind.FEE, row, {"fee": (due_units + FEE_UNITS // 2) // FEE_UNITS}, {"fee": fee})
    return None


def judge_movement(row: FundsRow, ours: OurPayment | None, *, explained: bool) -> Discrepancy | None:
    """A movement of the account. Less than was ordered may come in, where the buyer used a coupon."""
    if explained or row.amount == 0:
        return None
    if row.movement is Movement.PAYMENT and row.amount > 0:
        if ours is None:
            return _moved(DiscrepancyKind.MISSING_HERE, row, {}, {"transaction_id": row.transaction})
        if row.amount > ours.amount:
            return _moved(DiscrepancyKind.AMOUNT, row, {"amount": ours.amount}, {"amount": row.amount})
    booked = ours.fee if ours is not None and row.movement is Movement.FEE and row.amount < 0 else None
    if booked is not None and booked != -row.amount:
        return _moved(DiscrepancyKind.FEE, row, {"fee": booked}, {"fee": -row.amount})
    return None


def missing_payment(ours: OurPayment) -> Discrepancy:
    """A payment that we have and the bill has not."""
    number = ours.transaction or ours.out_trade_no
    expected: dict[str, str | int] = {"out_trade_no": ours.out_trade_no, "status": "paid"}
    return Discrepancy(DiscrepancyKind.MISSING_THERE, expected, {}, number, ours.amount, ours.currency)


def missing_refund(ours: OurRefund) -> Discrepancy:
    """A refund that we have and the bill has not."""
    number = ours.handle or ours.out_refund_no
    expected: dict[str, str | int] = {"out_refund_no": ours.out_refund_no, "status": "succeeded"}
    return Discrepancy(DiscrepancyKind.MISSING_THERE, expected, {}, number, ours.amount, ours.currency)


def _amounts(row: BillRow, ours: OurPayment | OurRefund) -> Discrepancy | None:
    expected: dict[str, str | int] = {}
    observed: dict[str, str | int] = {}
    if row.amount != ours.amount:
        expected["amount"], observed["amount"] = ours.amount, row.amount
    if row.currency != ours.currency:
        expected["currency"], observed["currency"] = ours.currency, row.currency
    return _found(DiscrepancyKind.AMOUNT, row, expected, observed) if expected else None


def _found(
    kind: DiscrepancyKind, row: BillRow, expected: dict[str, str | int], observed: dict[str, str | int]
) -> Discrepancy:
    number = row.provider_number or row.number
    subject = row.told.subject
    names = ("out_trade_no",) if subject is Subject.PAYMENT else ("out_refund_no",)
    shown = observed | dict.fromkeys(names, row.number)
    return Discrepancy(kind, expected, shown, number, row.amount, row.currency)


def _moved(
    kind: DiscrepancyKind, row: FundsRow, expected: dict[str, str | int], observed: dict[str, str | int]
) -> Discrepancy:
    return Discrepancy(kind, expected, observed, row.transaction, abs(row.amount), "CNY")

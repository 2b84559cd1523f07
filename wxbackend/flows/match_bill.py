"""Hold the rows of a bill against our orders, refunds and journal, some hundred at a time.

What does not fit is judged again in the unit that records it, so that what was mended meanwhile is not opened; where
asking the provider can bring the truth, it is asked, and its answer goes through the same door as every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from wxbackend.domain import ledger
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.bill import Bill, BillRow, FundsRow, Movement, Subject
from wxbackend.domain.bill_judgement import (
    OurPayment,
    OurRefund,
    fee_of,
    judge_fee,
    judge_movement,
    judge_payment,
    judge_refund,
)
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind
from wxbackend.domain.observation import Observation
from wxbackend.domain.refund import RefundState
from wxbackend.flows import announce, ask_provider, settle, settle_group, settle_refund
from wxbackend.flows.bill_absences import Minutes
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.report_discrepancy import report_finding
from wxbackend.ports.store import Unit


@dataclass(slots=True)
class Look:
    """One look at a bill: which providers its orders are of, when it began, and what its rows spoke of so far."""

    bill: Bill
    covers: tuple[str, ...]
    began_ms: int
    payments: Minutes = field(default_factory=Minutes)
    refunds: Minutes = field(default_factory=Minutes)


@dataclass(frozen=True, slots=True)
class _Found:
    """A row that does not fit."""

    row: BillRow
    ours: OurPayment | OurRefund | None


@dataclass(frozen=True, slots=True)
class _Side:
    """Our side of some rows."""

    payments: dict[str, OurPayment]
    refunds: dict[str, OurRefund]
    fees: dict[int, int]
    misplaced: frozenset[str]

    def of(self, row: BillRow) -> OurPayment | OurRefund | None:
        """What of ours a row speaks of."""
        found = self.payments if row.told.subject is Subject.PAYMENT else self.refunds
        return found.get(row.number)

    def judge(self, row: BillRow) -> Discrepancy | None:
        """What is wrong with a row, but for its fee."""
        explained = row.provider_number in self.misplaced
        if row.told.subject is Subject.PAYMENT:
            return judge_payment(row, self.payments.get(row.out_trade_no), explained=explained)
        return judge_refund(row, self.refunds.get(row.out_refund_no), explained=explained)


def match_payments(deps: Dependencies, look: Look, rows: Sequence[BillRow]) -> None:
    """Rows of a bill of payments and refunds."""
    side: _Side = deps.store.read(lambda unit: _side(unit, look, rows))
    doubtful = [_Found(row, side.of(row)) for row in rows if side.judge(row) is not None]
    if doubtful:
        _treat(deps, look, doubtful)
        side = deps.store.read(lambda unit: _side(unit, look, rows))
    _count(look, rows, side)
    if any(_fee_is_new(row, side) or _fee_is_wrong(row, side) for row in rows):
        deps.store.write(lambda unit: _book(unit, deps, look, rows))


def match_funds(deps: Dependencies, look: Look, rows: Sequence[FundsRow]) -> None:
    """Rows of a bill of the account's movements."""
    moved = [row for row in rows if row.movement in (Movement.PAYMENT, Movement.FEE)]

    def judged(unit: Unit) -> list[tuple[Discrepancy, OurPayment | None]]:
        bill, numbers = look.bill, sorted({row.transaction for row in moved})
        ours = unit.bills.payments_by_transaction(look.covers, bill.merchant, numbers)
        misplaced = unit.bills.misplaced(bill.account, numbers)
        told = [
            (judge_movement(row, ours.get(row.transaction), explained=row.transaction in misplaced), row)
            for row in moved
        ]
        return [(found, ours.get(row.transaction)) for found, row in told if found is not None]

    doubtful = deps.store.read(judged) if moved else []
    if doubtful:

        def record(unit: Unit) -> None:
            for found, ours in judged(unit):
                report_finding(unit, deps, look.bill, found, ours=ours, seen_ms=look.began_ms)

        deps.store.write(record)


def _side(unit: Unit, look: Look, rows: Sequence[BillRow]) -> _Side:
    bill, covers = look.bill, look.covers
    of_payments = [row.out_trade_no for row in rows if row.told.subject is Subject.PAYMENT]
    of_refunds = [row.out_refund_no for row in rows if row.told.subject is Subject.REFUND]
    payments = dict(unit.bills.payments(covers, bill.merchant, of_payments)) if of_payments else {}
    refunds = dict(unit.bills.refunds(covers, bill.merchant, of_refunds)) if of_refunds else {}
    subjects = [*(each.id for each in payments.values()), *(each.id for each in refunds.values())]
    fees = dict(unit.bills.fees(subjects)) if subjects else {}
    odd = [row.transaction for row in rows if _is_odd(row, payments)]
    misplaced = unit.bills.misplaced(bill.account, odd) if odd else frozenset()
    return _Side(payments, refunds, fees, misplaced)


def _is_odd(row: BillRow, payments: dict[str, OurPayment]) -> bool:
    """Whether it needs to be known if its money is on record as not fitting: most rows simply fit."""
    ours = payments.get(row.out_trade_no)
    return row.told.subject is Subject.PAYMENT and (
        ours is None or ours.transaction != row.transaction or ours.amount != row.amount
    )


def _treat(deps: Dependencies, look: Look, doubtful: Sequence[_Found]) -> None:
    """Record all; then ask about those that asking can mend, and record again what it did not.

    Until then these count as last seen before this look, so that its end closes what was mended.
    """
    askable = [found for found in doubtful if _can_ask(found)]
    others = [found for found in doubtful if not _can_ask(found)]
    began_ms = look.began_ms

    def record(unit: Unit) -> None:
        _record(unit, deps, look, others, seen_ms=began_ms)
        _record(unit, deps, look, askable, seen_ms=began_ms - 1)

    deps.store.write(record)
    for found in askable:
        _ask(deps, found)
    if askable:
        deps.store.write(lambda unit: _record(unit, deps, look, askable, seen_ms=began_ms))


def _record(unit: Unit, deps: Dependencies, look: Look, doubtful: Sequence[_Found], *, seen_ms: int) -> None:
    """Judged again here: what was mended since they were read is no difference any more."""
    rows = [found.row for found in doubtful]
    side = _side(unit, look, rows)
    for row in rows:
        found = side.judge(row)
        if found is not None:
            report_finding(unit, deps, look.bill, found, ours=side.of(row), seen_ms=seen_ms)


def _can_ask(found: _Found) -> bool:
    """Where we have the order or the refund and are behind, the provider knows how it ended."""
    ours = found.ours
    if isinstance(ours, OurPayment):
        return ours.state is not AttemptState.PAID
    return ours is not None and ours.state is not RefundState.SUCCEEDED


def _ask(deps: Dependencies, found: _Found) -> None:
    """The answer goes through the door that every answer takes; `looks=0` says that we asked."""
    ours = found.ours
    if isinstance(ours, OurPayment):
        attempt = deps.store.read(lambda unit: unit.attempts.find(ours.id))
        provider = None if attempt is None else ask_provider.provider_of(deps, attempt)
        if attempt is not None and provider is not None:
            said = ask_provider.query(deps, provider, attempt)
            deps.store.write(lambda unit: _settle(unit, deps, attempt, said))
    elif ours is not None:
        refund = deps.store.read(lambda unit: unit.refunds.find(ours.id))
        provider = None if refund is None else deps.providers.of(refund.provider, refund.merchant)
        if refund is not None and provider is not None:
            heard = ask_provider.query_refund(deps, provider, refund)
            deps.store.write(lambda unit: settle_refund.settle_refund(unit, deps, refund.id, heard, looks=0))
    structlog.get_logger("bills").info("asked_because_of_a_bill", number=found.row.number, told=found.row.told.value)


def _settle(unit: Unit, deps: Dependencies, attempt: Attempt, said: Observation) -> None:
    settle.settle(unit, deps, attempt.id, said, looks=0)
    if attempt.group_id is not None:
        settle_group.look_soon(unit, deps, attempt.group_id)


def _count(look: Look, rows: Sequence[BillRow], side: _Side) -> None:
    """Whatever a row tells of it, the bill has this payment or refund."""
    for row in rows:
        ours = side.of(row)
        if isinstance(ours, OurPayment) and ours.paid_ms is not None and ours.transaction == row.transaction:
            look.payments.add(ours.paid_ms, ours.id)
        elif isinstance(ours, OurRefund) and ours.succeeded_ms is not None:
            look.refunds.add(ours.succeeded_ms, ours.id)


def _fee_stands(row: BillRow, side: _Side) -> OurPayment | OurRefund | None:
    """What of ours the fee is for, once it fits; a fee of what is not settled here waits for a later look."""
    ours = side.of(row)
    if ours is None or side.judge(row) is not None or row.provider_number in side.misplaced:
        return None
    settled = ours.state in (AttemptState.PAID, RefundState.SUCCEEDED)
    return ours if settled else None


def _fee_is_new(row: BillRow, side: _Side) -> bool:
    ours = _fee_stands(row, side)
    return ours is not None and fee_of(row) != 0 and ours.id not in side.fees


def _fee_is_wrong(row: BillRow, side: _Side) -> bool:
    ours = _fee_stands(row, side)
    return ours is not None and judge_fee(row, side.fees.get(ours.id)) is not None


def _book(unit: Unit, deps: Dependencies, look: Look, rows: Sequence[BillRow]) -> None:
    """Fees are booked once, and what is wrong with them is recorded; both as it is in this unit."""
    side, bill = _side(unit, look, rows), look.bill
    for row in rows:
        ours = _fee_stands(row, side)
        if ours is None:
            continue
        booked = side.fees.get(ours.id)
        found = judge_fee(row, booked)
        if found is not None and found.kind is DiscrepancyKind.FEE:
            report_finding(unit, deps, bill, found, ours=ours, seen_ms=look.began_ms)
        fee = fee_of(row)
        if booked is None and fee != 0:
            moved = ledger.of_fee(ours.id, fee, row.fee_currency, provider=ours.provider, merchant=bill.merchant)
            announce.book(unit, deps, (moved,), account=ours.account, livemode=ours.livemode)

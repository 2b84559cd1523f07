"""Fetch one bill, believe all of it or nothing, and hold it against the books; done again it finds the same.

The file lies on the disk and is read twice: once to see that it is whole and that its own sums fit, and only then to do
anything with its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from itertools import islice
from typing import Any, BinaryIO, Final, TypeVar

import structlog

from wxbackend.domain.bill import Bill, BillKind, BillRow, BillState, Subject
from wxbackend.domain.bill_judgement import OurPayment, OurRefund, missing_payment, missing_refund
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyState
from wxbackend.domain.errors import NotConfigured, ProviderError, UnreadableBill
from wxbackend.flows import close_discrepancy
from wxbackend.flows.bill_absences import absent
from wxbackend.flows.bill_days import DAY_MS, bounds_ms
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.match_bill import Look, match_funds, match_payments
from wxbackend.flows.plan_bills import CATCH_UP_DAYS_MAX, is_kept_there
from wxbackend.flows.report_discrepancy import report_finding
from wxbackend.ports.bills import BillNotReady, BillOffer, BillSource, NoBill
from wxbackend.ports.store import Unit

ROWS_AT_ONCE: Final = 1_000
OURS_AT_ONCE: Final = 2_000
AGAIN_AFTER_S: Final = (300, 900, 1_800, 3_600, 7_200, 21_600)
"""When a bill that could not be had, or not be read, is fetched again; the last pause repeats."""
Ours = TypeVar("Ours", OurPayment, OurRefund)
Progress = Callable[[str, int, int | None], None]
"""What is being done, how many rows of it are, and of how many."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one look at a bill found."""

    bill: Bill
    open_differences: int
    mended: int = 0


def reconcile_bill(deps: Dependencies, bill_id: int, *, tries: int = 0, progress: Progress | None = None) -> Report:
    """Look at one bill now, and plan the next look at it if there has to be one."""
    tell = progress or _silence
    bill = deps.store.read(lambda unit: unit.bills.find(bill_id))
    assert bill is not None, "a bill that was never planned"
    source = source_of(deps, bill)
    if source is None:
        raise NotConfigured(bill.merchant)
    tell("asking", 0, None)
    try:
        answer = deps.transport.send(source.bill(bill.kind, bill.day))
        if isinstance(answer, BillNotReady):
            return _put_off(deps, bill, BillState.NOT_READY, answer.reason, tries)
        report = _read(deps, bill, source, answer, tell)
    except UnreadableBill as error:
        return _put_off(deps, bill, BillState.UNREADABLE, str(error), tries)
    except ProviderError as error:
        return _put_off(deps, bill, BillState.NOT_READY, str(error), tries)
    deps.counting.bill(kind=bill.kind.value, result=report.bill.state.value)
    structlog.get_logger("bills").info(
        "bill_checked",
        merchant=bill.merchant,
        day=bill.day,
        kind=bill.kind.value,
        rows=report.bill.rows,
        differences=report.open_differences,
        mended=report.mended,
    )
    return report


def source_of(deps: Dependencies, bill: Bill) -> BillSource | None:
    """Who has it, or None when the merchant's number left the settings."""
    named = (bill.provider, bill.merchant)
    return next((each for each in deps.providers.bill_sources() if (each.name, each.merchant) == named), None)


def _read(deps: Dependencies, bill: Bill, source: BillSource, answer: BillOffer | NoBill, tell: Progress) -> Report:
    if isinstance(answer, NoBill):
        return _check(deps, _look(deps, bill, source), lambda: iter(()), rows=0, digest="", tell=tell)
    tell("fetching", 0, None)
    with closing(deps.transport.fetch(source.bill_file(answer))) as file:
        rows = 0
        for batch in _again(source, bill.kind, file):
            rows += len(batch)
            tell("reading", rows, None)
        read = partial(_again, source, bill.kind, file)
        return _check(deps, _look(deps, bill, source), read, rows=rows, digest=answer.digest, tell=tell)


def _look(deps: Dependencies, bill: Bill, source: BillSource) -> Look:
    return Look(bill, source.covers, began_ms=deps.surroundings.now_ms())


def _again(source: BillSource, kind: BillKind, file: BinaryIO) -> Iterator[list[Any]]:
    file.seek(0)
    return source.read_bill(kind, file)


def _check(
    deps: Dependencies,
    look: Look,
    read: Callable[[], Iterator[list[Any]]],
    *,
    rows: int,
    digest: str,
    tell: Progress,
) -> Report:
    """Everything that is done with a bill once it is believed."""
    kind = look.bill.kind
    match = match_payments if kind is BillKind.PAYMENTS else match_funds
    done = 0
    for batch in _sized(read()):
        match(deps, look, batch)
        done += len(batch)
        tell("matching", done, rows)
    if kind is BillKind.PAYMENTS:
        _find_absent(deps, look, read)
    mended = _close_mended(deps, look)
    return deps.store.write(lambda unit: _note(unit, deps, look, rows=rows, digest=digest, mended=mended))


def _sized(batches: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """The same rows, at least so many at a time: each list is a question to the database."""
    gathered: list[Any] = []
    for batch in batches:
        gathered += batch
        if len(gathered) >= ROWS_AT_ONCE:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def _find_absent(deps: Dependencies, look: Look, read: Callable[[], Iterator[list[BillRow]]]) -> None:
    """What we have of that day and the bill has not."""
    from_ms, until_ms = bounds_ms(look.bill.day)

    def numbers(subject: Subject) -> Iterator[Sequence[str]]:
        for batch in read():
            rows = [row for row in batch if row.told.subject is subject]
            yield [row.transaction if subject is Subject.PAYMENT else row.out_refund_no for row in rows]

    payments = absent(
        look.payments,
        _by_time([_ours(deps, look.bill, name, from_ms, until_ms) for name in look.covers], _paid_ms),
        moment=_paid_ms,
        number=lambda ours: ours.transaction or ours.out_trade_no,
        numbers_in_bill=lambda: numbers(Subject.PAYMENT),
    )
    _report(deps, look, ((missing_payment(each), each) for each in payments))
    refunds = absent(
        look.refunds,
        _by_time([_our_refunds(deps, look.bill, name, from_ms, until_ms) for name in look.covers], _succeeded_ms),
        moment=_succeeded_ms,
        number=lambda ours: ours.out_refund_no,
        numbers_in_bill=lambda: numbers(Subject.REFUND),
    )
    # One that took its way over midnight stands in the bill of the day before or after: nobody promises which.
    _report(deps, look, ((missing_refund(each), each) for each in refunds if each.created_ms >= from_ms))


def _report(deps: Dependencies, look: Look, found: Iterator[tuple[Discrepancy, OurPayment | OurRefund]]) -> None:
    while part := list(islice(found, ROWS_AT_ONCE)):

        def record(unit: Unit, part: Sequence[tuple[Discrepancy, OurPayment | OurRefund]] = part) -> None:
            for finding, ours in part:
                report_finding(unit, deps, look.bill, finding, ours=ours, seen_ms=look.began_ms)

        deps.store.write(record)


def _paid_ms(ours: OurPayment) -> int:
    return ours.paid_ms or 0


def _succeeded_ms(ours: OurRefund) -> int:
    return ours.succeeded_ms or 0


def _by_time(of_each: list[Iterator[Ours]], moment: Callable[[Ours], int]) -> Iterator[Ours]:
    """Those of every provider as one row, since a minute is looked at as a whole; a page of each is in memory."""
    return merge(*of_each, key=moment)


def _ours(deps: Dependencies, bill: Bill, provider: str, from_ms: int, until_ms: int) -> Iterator[OurPayment]:
    after_id = 0
    while True:
        window = {"from_ms": from_ms, "until_ms": until_ms, "after_id": after_id, "limit": OURS_AT_ONCE}
        page = deps.store.read(partial(_page_of_payments, provider=provider, merchant=bill.merchant, window=window))
        yield from page
        if len(page) < OURS_AT_ONCE:
            return
        from_ms, after_id = page[-1].paid_ms or from_ms, page[-1].id


def _our_refunds(deps: Dependencies, bill: Bill, provider: str, from_ms: int, until_ms: int) -> Iterator[OurRefund]:
    after_id = 0
    while True:
        window = {"from_ms": from_ms, "until_ms": until_ms, "after_id": after_id, "limit": OURS_AT_ONCE}
        page = deps.store.read(partial(_page_of_refunds, provider=provider, merchant=bill.merchant, window=window))
        yield from page
        if len(page) < OURS_AT_ONCE:
            return
        from_ms, after_id = page[-1].succeeded_ms or from_ms, page[-1].id


def _page_of_payments(unit: Unit, *, provider: str, merchant: str, window: dict[str, int]) -> Sequence[OurPayment]:
    return unit.bills.paid_between(provider, merchant, **window)


def _page_of_refunds(unit: Unit, *, provider: str, merchant: str, window: dict[str, int]) -> Sequence[OurRefund]:
    return unit.bills.refunded_between(provider, merchant, **window)


def _close_mended(deps: Dependencies, look: Look) -> int:
    """Close what an earlier look found in this bill and this one did not; how many."""
    closed = after_id = 0
    while True:
        unseen = deps.store.read(partial(_unseen, look=look, after_id=after_id))
        if not unseen:
            return closed
        closed += deps.store.write(partial(_mend, deps=deps, numbers=unseen))
        after_id = unseen[-1]


def _unseen(unit: Unit, *, look: Look, after_id: int) -> Sequence[int]:
    return unit.discrepancies.unseen(look.bill.id, since_ms=look.began_ms, after_id=after_id, limit=ROWS_AT_ONCE)


def _mend(unit: Unit, *, deps: Dependencies, numbers: Sequence[int]) -> int:
    return sum(close_discrepancy.close(unit, deps, number, state=DiscrepancyState.MENDED) for number in numbers)


def _note(unit: Unit, deps: Dependencies, look: Look, *, rows: int, digest: str, mended: int) -> Report:
    was = unit.bills.lock(look.bill.id)
    assert was is not None
    now_ms, still_open = deps.surroundings.now_ms(), unit.discrepancies.open_of(was.id)
    state = BillState.CHECKED if digest else BillState.EMPTY
    checked = replace(was, state=state, reason="", rows=rows, digest=digest, checked_ms=now_ms)
    unit.bills.save(checked, was=was)
    young = now_ms < bounds_ms(was.day)[1] + CATCH_UP_DAYS_MAX * DAY_MS
    if still_open and young:
        unit.bills.schedule(was.id, due_ms=now_ms + DAY_MS, tries=0)  # it may mend by itself
    else:
        unit.bills.unschedule(was.id)
    return Report(checked, still_open, mended)


def _put_off(deps: Dependencies, bill: Bill, state: BillState, reason: str, tries: int) -> Report:
    """Try again later, for as long as the provider keeps it. Nothing of it was used."""

    def work(unit: Unit) -> Report:
        was = unit.bills.lock(bill.id)
        assert was is not None
        now_ms, still_open = deps.surroundings.now_ms(), unit.discrepancies.open_of(was.id)
        late = replace(was, state=state, reason=reason[:200])
        if was.state is not BillState.CHECKED:
            unit.bills.save(late, was=was)
        if is_kept_there(bill.day, now_ms):
            pause_s = AGAIN_AFTER_S[min(tries, len(AGAIN_AFTER_S) - 1)]
            unit.bills.schedule(bill.id, due_ms=now_ms + pause_s * 1000, tries=tries + 1)
        else:
            unit.bills.unschedule(bill.id)
        return Report(late, still_open)

    deps.counting.bill(kind=bill.kind.value, result=state.value)
    structlog.get_logger("bills").warning(
        "bill_not_checked", merchant=bill.merchant, day=bill.day, kind=bill.kind.value, state=state.value, reason=reason
    )
    return deps.store.write(work)


def _silence(what: str, done: int, of: int | None) -> None:
    """Nobody wants to know."""

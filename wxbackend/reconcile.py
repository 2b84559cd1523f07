"""`wxbackend reconcile`: one day's bills against the books, with a bar on a terminal and plain lines elsewhere."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from wxbackend.domain import ids
from wxbackend.domain.bill import Bill, BillKind, BillState
from wxbackend.domain.discrepancy import DiscrepancyState, KeptDiscrepancy
from wxbackend.domain.errors import WxbackendError
from wxbackend.flows.bill_days import day_of, read_day
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.plan_bills import plan_bill
from wxbackend.flows.reconcile_bill import Progress as Told
from wxbackend.flows.reconcile_bill import Report, reconcile_bill
from wxbackend.ports.bills import BillSource
from wxbackend.ports.store import Unit

AGREED, DIFFERENCES_OPEN, NOT_CHECKED = 0, 1, 3
"""What the exit status says; 2 is a wrong command line."""
FOUND_AT_ONCE: Final = 500
COLUMNS: Final = (
    "id", "bill_date", "kind", "status", "resolution", "transaction_id", "expected", "observed", "amount_fen",
    "amount_yuan", "currency", "payment_intent", "note",
)  # fmt: skip


class Reconciliation:
    """One run of the command."""

    def __init__(self, deps: Dependencies, console: Console) -> None:
        self._deps = deps
        self._console = console

    def run(self, day: str, *, merchant: str | None, out: Path | None) -> int:
        """Look at both bills of the day of each merchant's number; the exit status."""
        if read_day(day, param="--date") > day_of(self._deps.surroundings.now_ms()).isoformat():
            raise WxbackendError(f"{day} has not come yet; a day's bill is there from 10:00 of the next, Beijing time.")
        sources = [each for each in self._deps.providers.bill_sources() if merchant in (None, each.merchant)]
        if not sources:
            raise WxbackendError(f"The settings know no merchant number {merchant or 'at all'}.")
        kinds = [(source, kind) for source in sources for kind in BillKind if kind in source.bill_kinds]
        reports = [self._look(source, kind, day) for source, kind in kinds]
        accounts = sorted({(report.bill.account, report.bill.livemode) for report in reports})
        found = [each for account, livemode in accounts for each in self._found(account, day, livemode=livemode)]
        for each in found:
            if each.state is DiscrepancyState.OPEN:
                self._console.print(line_of(each), highlight=False, markup=False, soft_wrap=True)
        if out is not None:
            write_csv(out, found)
            self._say(f"{out}: {len(found)} differences of {day}, open and resolved.")
        return self._verdict(reports)

    def _verdict(self, reports: list[Report]) -> int:
        still_open = sum(report.open_differences for report in reports)
        unchecked = [report.bill for report in reports if report.bill.state not in (BillState.CHECKED, BillState.EMPTY)]
        if unchecked:
            self._say(f"{len(unchecked)} of {len(reports)} bills could not be checked; {still_open} differences open.")
            return NOT_CHECKED
        self._say(f"{still_open} differences open." if still_open else "Bills and books agree.")
        return DIFFERENCES_OPEN if still_open else AGREED

    def _look(self, source: BillSource, kind: BillKind, day: str) -> Report:
        bill = plan_bill(self._deps, source, kind, day)
        with self._progress(f"{source.merchant} {kind.value}") as tell:
            report = reconcile_bill(self._deps, bill.id, progress=tell)
        self._say(outcome(report.bill, report))
        return report

    def _found(self, account: str, day: str, *, livemode: bool) -> Iterator[KeptDiscrepancy]:
        after_id = 0
        while True:
            page = self._deps.store.read(partial(_page, account=account, livemode=livemode, day=day, after_id=after_id))
            yield from page
            if len(page) < FOUND_AT_ONCE:
                return
            after_id = page[-1].id

    @contextmanager
    def _progress(self, name: str) -> Iterator[Told]:
        if not self._console.is_terminal:
            yield _silent
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as bars:
            bar = bars.add_task(name, total=None)

            def tell(what: str, done: int, of: int | None) -> None:
                bars.update(bar, description=f"{name}: {what}", completed=done, total=of)

            yield tell

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _page(unit: Unit, *, account: str, livemode: bool, day: str, after_id: int) -> Sequence[KeptDiscrepancy]:
    return unit.discrepancies.of_day(account, livemode=livemode, day=day, after_id=after_id, limit=FOUND_AT_ONCE)


def outcome(bill: Bill, report: Report) -> str:
    """One line about one bill."""
    name = f"{bill.merchant} {bill.day} {bill.kind.value}:"
    if bill.state is BillState.CHECKED:
        mended = f", {report.mended} mended" if report.mended else ""
        return f"{name} {bill.rows} rows, {report.open_differences} differences open{mended}"
    if bill.state is BillState.EMPTY:
        return f"{name} nothing happened there, {report.open_differences} differences open"
    return f"{name} {bill.state.value.replace('_', ' ')}: {bill.reason}"


def line_of(found: KeptDiscrepancy) -> str:
    """One line about one difference."""
    told = found.found
    sides = f"here {_plain(told.expected or 'nothing')} there {_plain(told.observed or 'nothing')}"
    return f"  {told.kind.value:14} {told.transaction}  {yuan(told.amount)} {told.currency}  {sides}"


def write_csv(path: Path, found: list[KeptDiscrepancy]) -> None:
    """A table for a spreadsheet: UTF-8 with a mark, so that it opens as such; amounts both as fen and as yuan."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(map(row_of, found))


def row_of(kept: KeptDiscrepancy) -> tuple[str | int, ...]:
    """One line of the table."""
    found, is_open = kept.found, kept.state is DiscrepancyState.OPEN
    return (
        ids.render(ids.DISCREPANCY, kept.id),
        kept.day or "",
        found.kind.value,
        "open" if is_open else "resolved",
        "" if is_open else kept.state.value,
        found.transaction,
        _plain(found.expected),
        _plain(found.observed),
        found.amount,
        yuan(found.amount),
        found.currency,
        "" if kept.intent_id is None else ids.render(ids.INTENT, kept.intent_id),
        _unformulated(kept.note or ""),
    )


def yuan(fen: int) -> str:
    """Fen as yuan, exactly."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _plain(values: object) -> str:
    return values if isinstance(values, str) else orjson.dumps(values).decode()


def _unformulated(text: str) -> str:
    """A spreadsheet shall not take a person's note for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _silent(what: str, done: int, of: int | None) -> None:
    """Nobody looks."""

"""What a soak shows: one line while it runs, and the counts and the verdict when it ends."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.soak.books import Books
from tests.soak.difference import DOUBLED, LOST, Difference
from tests.soak.plan import Plan
from tests.soak.reckoning import PAID_STATES
from tests.soak.reckoning_money_out import KINDS
from tests.soak.tally import Tally

SHOWN_MAX: Final = 60
LINE_EVERY_S: Final = 10.0
GROUPS: Final = (
    "kills", "ended by themselves", "faults", "asked again", "answers", "refusals", "sales", "cashier", "pages signed",
)  # fmt: skip


class Report:
    """Prints to one console. On a terminal the progress is one line; in a log it is a line now and then."""

    def __init__(self, console: Console, plan: Plan, tally: Tally) -> None:
        self._console = console
        self._plan = plan
        self._tally = tally
        self._begun = time.monotonic()
        self._last = 0.0

    def begin(self) -> None:
        """Say what is going to happen."""
        plan = self._plan
        self._console.print(
            f"Soak: {plan.seconds} s, seed {plan.seed}, {plan.web} web, {plan.workers} workers, "
            f"{plan.merchants} merchants, PostgreSQL with a synchronous standby, Redis"
        )

    def progress(self, left_s: float) -> None:
        """The line while the load lasts."""
        told, again = self._tally.of("answers"), self._tally.total("asked again")
        self._line(
            f"{left_s:4.0f} s left, {self._tally.of('sales').get('begun', 0)} sales, {told.get('200', 0)} answers, "
            f"{again} asked again, {self._tally.total('faults')} faults, {self._tally.total('kills')} kills"
        )

    def resting(self, left: int) -> None:
        """The line while the rest is awaited."""
        self._line(f"coming to rest: {left} unfinished")

    def end(self, books: Books, found: list[Difference], *, rested: bool) -> None:
        """The counts, every difference, and the verdict."""
        self._clear()
        for group in GROUPS:
            self._table(group, self._tally.of(group))
        self._table("books", self._facts(books))
        kinds = Counter(each.kind for each in found)
        others = len(found) - kinds[LOST] - kinds[DOUBLED]
        self._console.print(f"lost {kinds[LOST]}, doubled {kinds[DOUBLED]}, other differences {others}")
        for each in found[:SHOWN_MAX]:
            self._console.print(f"  [red]{each.kind}[/red] {each.text}", highlight=False)
        if len(found) > SHOWN_MAX:
            self._console.print(f"  … and {len(found) - SHOWN_MAX} more")
        if not rested:
            self._console.print("[red]Something did not come to rest.[/red]")
        verdict = "[green]books agree[/green]" if rested and not found else "[red]books do not agree[/red]"
        self._console.print(f"{verdict} (seed {self._plan.seed}, {time.monotonic() - self._begun:.0f} s)")

    def _facts(self, books: Books) -> dict[str, int]:
        statuses = Counter(row["status"] for row in books.tables["payment_intents"])
        refunds = Counter(f"refunds {row['state']} ({row['origin']})" for row in books.tables["refunds"])
        discrepancies = Counter(f"{row['kind']} payments" for row in books.tables["discrepancies"])
        out = Counter(f"{word} {row['state']}" for table, word in KINDS.items() for row in books.tables[table])
        paid = sum(order["trade_state"] in PAID_STATES for order in books.orders)
        told = [row for row in books.heard if row["answered"] < 300]
        return {
            "orders at WeChat": len(books.orders),
            "payments at WeChat": paid,
            "fen paid": books.totals["paid_total"],
            "fen given back": books.totals["refunded_total"],
            **{f"intents {status}": number for status, number in sorted(statuses.items())},
            **dict(sorted(refunds.items())),
            **discrepancies,
            **dict(sorted(out.items())),
            "events": len(books.tables["events"]),
            "webhooks taken": len(told),
            "webhooks refused by the shop": len(books.heard) - len(told),
            "of these cut off by a kill": sum(not row["verified"] for row in books.heard),
            "webhooks taken again": len(told) - len({row["event_id"] for row in told}),
        }

    def _table(self, title: str, counts: dict[str, int]) -> None:
        if not counts:
            return
        table = Table(title=title, title_justify="left", show_header=False)
        for kind, number in counts.items():
            table.add_row(kind, str(number))
        self._console.print(table)

    def _line(self, text: str) -> None:
        if self._console.is_terminal:
            self._console.print(f"\r\x1b[2K{text}", end="", highlight=False)
        elif time.monotonic() - self._last > LINE_EVERY_S:
            self._last = time.monotonic()
            self._console.print(text, highlight=False)

    def _clear(self) -> None:
        if self._console.is_terminal:
            self._console.print()

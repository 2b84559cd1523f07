"""All books of a soak, read once when everything is at rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from tests.soak.fleet import Fleet
from tests.soak.tally import Journal, Said

Row = dict[str, Any]
TABLES: Final = (
    "payment_intents", "attempts", "refunds", "ledger", "events", "deliveries", "discrepancies", "idempotency_keys",
    "merchant_transfers", "profit_sharings", "profit_sharing_returns",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Books:
    """The product's tables, the simulator's own books, what the shop heard, and what callers were told."""

    tables: dict[str, list[Row]]
    orders: list[Row]
    paid_back: list[Row]
    transfers: list[Row]
    sharings: list[Row]
    returns: list[Row]
    totals: dict[str, Any]
    heard: list[Row]
    answers: list[Said]
    finals: dict[str, str]
    troubles: list[str]
    cuts_ms: list[int]

    def by(self, table: str, column: str) -> dict[Any, list[Row]]:
        """The rows of a table, grouped by a column."""
        return grouped(self.tables[table], lambda row: row[column])


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows by a key; nothing under a key that no row has."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def read_books(fleet: Fleet, journal: Journal) -> Books:
    """Everything, as it stands."""
    desk = fleet.stack.desk
    shared = desk("GET", "/sharings")
    return Books(
        tables={name: fleet.rows(f"SELECT * FROM {name}") for name in TABLES},
        orders=desk("GET", "/orders")["orders"],
        paid_back=desk("GET", "/refunds")["refunds"],
        transfers=desk("GET", "/transfers")["transfers"],
        sharings=shared["sharings"],
        returns=shared["returns"],
        totals=desk("GET", "/books"),
        heard=desk("GET", "/shop/webhooks")["webhooks"],
        answers=journal.answers(),
        finals=journal.finals(),
        troubles=journal.troubles(),
        cuts_ms=journal.cuts_ms(),
    )

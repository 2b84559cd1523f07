"""Refunds, the journal, and money that does not fit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyState, KeptDiscrepancy
from wxbackend.domain.ledger import Transfer
from wxbackend.domain.refund import Refund, RefundState
from wxbackend.ports.store.payments import Page, Poll


class Refunds(Protocol):
    """Refunds and the times at which they are looked at again."""

    def insert(self, refund: Refund) -> None:
        """Keep a new one."""
        ...

    def find(self, refund_id: int) -> Refund | None:
        """Read one."""
        ...

    def find_by_number(self, provider: str, merchant: str, out_refund_no: str) -> Refund | None:
        """Read one by the number that the provider knows."""
        ...

    def of_attempt(self, attempt_id: int) -> list[Refund]:
        """All refunds of one order, oldest first."""
        ...

    def of_discrepancy(self, discrepancy_id: int) -> Refund | None:
        """The refund that gives misplaced money back."""
        ...

    def save(self, refund: Refund, *, was: Refund | None = None) -> None:
        """Write one; its intent is locked in this unit."""
        ...

    def page(
        self,
        account: str,
        *,
        livemode: bool,
        page: Page,
        intent_id: int | None,
        states: Collection[RefundState] | None = None,
    ) -> Sequence[Refund]:
        """Up to `limit` + 1 of them, newest first; with `states` only those that are in one of them."""
        ...

    def schedule(self, refund_id: int, *, due_ms: int, tries: int) -> None:
        """Look at it again then."""
        ...

    def unschedule(self, refund_id: int) -> None:
        """Never look at it again."""
        ...

    def hurry(self, *, due_ms: int) -> int:
        """Let every planned look be due then at the latest; how many were planned later. Leases end with it."""
        ...

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones; another worker gets them only after the lease."""
        ...

    def take(self, refund_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one as `claim` does; None when it is not due, or another worker has it."""
        ...


@dataclass(frozen=True, slots=True)
class BookedTransfer:
    """A row of the ledger."""

    id: int
    created_ms: int
    transfer: Transfer


class Ledger(Protocol):
    """The journal."""

    def book(self, account: str, *, livemode: bool, booked: BookedTransfer) -> None:
        """Append it, once for each kind and subject."""
        ...

    def balances(self, account: str, *, livemode: bool) -> dict[tuple[str, str], int]:
        """Debits less credits by ledger account and currency."""
        ...

    def page(self, account: str, *, livemode: bool, page: Page) -> Sequence[BookedTransfer]:
        """Up to `limit` + 1 rows that touch money at a provider, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedDiscrepancy:
    """A discrepancy and what it is about."""

    id: int
    account: str
    livemode: bool
    intent_id: int | None
    attempt_id: int | None
    created_ms: int
    found: Discrepancy
    bill_id: int | None = None
    day: str | None = None


class Discrepancies(Protocol):
    """Money that does not fit, and bills that do not."""

    def insert(self, recorded: RecordedDiscrepancy) -> int:
        """Record it once for each account, kind and transaction; its number, which is another when it was there."""
        ...

    def put(self, recorded: RecordedDiscrepancy, *, seen_ms: int) -> int | None:
        """Record what a bill shows, once; its number when it is new or open again, None when it is known.

        What was mended and is found again is open again; what a person or a refund resolved stays so.
        """
        ...

    def find(self, discrepancy_id: int) -> KeptDiscrepancy | None:
        """Read one."""
        ...

    def close(self, discrepancy_id: int, *, state: DiscrepancyState, note: str | None, now_ms: int) -> bool:
        """Whether it was open until now."""
        ...

    def unseen(self, bill_id: int, *, since_ms: int, after_id: int, limit: int) -> Sequence[int]:
        """Open ones of a bill that no look since then has found, by their numbers."""
        ...

    def of_day(self, account: str, *, livemode: bool, day: str, after_id: int, limit: int) -> Sequence[KeptDiscrepancy]:
        """All that the bills of a day showed, in the order in which they were found."""
        ...

    def open_of(self, bill_id: int) -> int:
        """How many of a bill are open."""
        ...

    def page(
        self,
        account: str,
        *,
        livemode: bool,
        page: Page,
        is_open: bool | None = None,
        kind: str | None = None,
        day: str | None = None,
        intent_id: int | None = None,
    ) -> Sequence[KeptDiscrepancy]:
        """Up to `limit` + 1 of them, newest first."""
        ...

    def count_open(self) -> int:
        """How many wait for a person."""
        ...

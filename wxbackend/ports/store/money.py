"""Refunds, the journal, and money that does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wxbackend.domain.discrepancy import Discrepancy
from wxbackend.domain.ledger import Transfer
from wxbackend.domain.refund import Refund
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

    def page(self, account: str, *, livemode: bool, page: Page, intent_id: int | None) -> Sequence[Refund]:
        """Up to `limit` + 1 of them, newest first."""
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


class Discrepancies(Protocol):
    """Money that does not fit."""

    def insert(self, recorded: RecordedDiscrepancy) -> int:
        """Record it once for each account, kind and transaction; its number, which is another when it was there."""
        ...

    def resolve(self, discrepancy_id: int) -> None:
        """The money went back."""
        ...

    def count_open(self) -> int:
        """How many wait for a person."""
        ...

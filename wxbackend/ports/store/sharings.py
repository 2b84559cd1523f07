"""Sharings of paid orders, returns of what was shared, and the times at which either is looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wxbackend.domain.profit_sharing import ProfitSharing, SharingReturn
from wxbackend.ports.store.payments import Page, Poll


class ProfitSharings(Protocol):
    """Sharings. Each is changed under the lock of its order's intent."""

    def insert(self, sharing: ProfitSharing) -> None:
        """Keep a new one."""
        ...

    def find(self, sharing_id: int) -> ProfitSharing | None:
        """Read one."""
        ...

    def find_by_number(self, provider: str, merchant: str, out_order_no: str) -> ProfitSharing | None:
        """Read one by the number that the provider knows."""
        ...

    def of_attempt(self, attempt_id: int) -> list[ProfitSharing]:
        """All sharings of one order, oldest first."""
        ...

    def save(self, sharing: ProfitSharing, *, was: ProfitSharing) -> ProfitSharing:
        """Write what differs from `was`; with its next version."""
        ...

    def page(self, account: str, *, livemode: bool, page: Page, intent_id: int | None) -> Sequence[ProfitSharing]:
        """Up to `limit` + 1 of them, newest first."""
        ...


class SharingReturns(Protocol):
    """Returns. Each is changed under the lock of its order's intent."""

    def insert(self, returned: SharingReturn) -> None:
        """Keep a new one."""
        ...

    def find(self, return_id: int) -> SharingReturn | None:
        """Read one."""
        ...

    def find_by_number(self, provider: str, merchant: str, out_return_no: str) -> SharingReturn | None:
        """Read one by the number that the provider knows."""
        ...

    def of_sharings(self, sharing_ids: Sequence[int]) -> list[SharingReturn]:
        """All returns of these sharings, oldest first."""
        ...

    def save(self, returned: SharingReturn, *, was: SharingReturn) -> SharingReturn:
        """Write what differs from `was`; with its next version."""
        ...

    def page(self, account: str, *, livemode: bool, page: Page, sharing_id: int | None) -> Sequence[SharingReturn]:
        """Up to `limit` + 1 of them, newest first."""
        ...


class SharingLooks(Protocol):
    """The queue of sharings and returns that are due; their numbers are never the same."""

    def schedule(self, item: int, *, due_ms: int, tries: int) -> None:
        """Look at it again then."""
        ...

    def unschedule(self, item: int) -> None:
        """Never look at it again."""
        ...

    def hurry(self, *, due_ms: int) -> int:
        """Let every planned look be due then at the latest; how many were planned later. Leases end with it."""
        ...

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones; another worker gets them only after the lease."""
        ...

    def take(self, item: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one as `claim` does; None when it is not due, or another worker has it."""
        ...

"""Transfers to people, and the times at which they are looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wxbackend.domain.merchant_transfer import MerchantTransfer
from wxbackend.ports.store.payments import Page, Poll


class MerchantTransfers(Protocol):
    """Transfers to people."""

    def insert(self, transfer: MerchantTransfer) -> None:
        """Keep a new one."""
        ...

    def find(self, transfer_id: int) -> MerchantTransfer | None:
        """Read one."""
        ...

    def lock(self, transfer_id: int) -> MerchantTransfer | None:
        """Read one and keep others from changing it until the unit ends."""
        ...

    def find_by_number(self, provider: str, merchant: str, out_bill_no: str) -> MerchantTransfer | None:
        """Read one by the number that the provider knows."""
        ...

    def save(self, transfer: MerchantTransfer, *, was: MerchantTransfer) -> MerchantTransfer:
        """Write what differs from `was`, which `lock` gave; with its next version."""
        ...

    def page(self, account: str, *, livemode: bool, page: Page) -> Sequence[MerchantTransfer]:
        """Up to `limit` + 1 of them, newest first."""
        ...

    def schedule(self, transfer_id: int, *, due_ms: int, tries: int) -> None:
        """Look at it again then."""
        ...

    def unschedule(self, transfer_id: int) -> None:
        """Never look at it again."""
        ...

    def hurry(self, *, due_ms: int) -> int:
        """Let every planned look be due then at the latest; how many were planned later. Leases end with it."""
        ...

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones; another worker gets them only after the lease."""
        ...

    def take(self, transfer_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one as `claim` does; None when it is not due, or another worker has it."""
        ...

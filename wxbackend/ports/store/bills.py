"""Bills, and what of ours they speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from wxbackend.domain.bill import Bill, BillKind
from wxbackend.domain.bill_judgement import OurPayment, OurRefund
from wxbackend.ports.store.payments import Poll


class Bills(Protocol):
    """Bills, the times at which they are fetched, and our side of their rows by the hundred."""

    def plan(self, bill: Bill) -> Bill:
        """Keep a new one unless there is one of its merchant, kind and day; the one that is there."""
        ...

    def find(self, bill_id: int) -> Bill | None:
        """Read one."""
        ...

    def lock(self, bill_id: int) -> Bill | None:
        """Read one and keep others from changing it until the unit ends."""
        ...

    def known(self, provider: str, merchant: str, *, since: str) -> frozenset[tuple[BillKind, str]]:
        """The kinds and days of a merchant's bills from a day on."""
        ...

    def save(self, bill: Bill, *, was: Bill) -> None:
        """Write what differs from `was`; `lock` gave it in this unit."""
        ...

    def schedule(self, bill_id: int, *, due_ms: int, tries: int) -> None:
        """Fetch it then."""
        ...

    def unschedule(self, bill_id: int) -> None:
        """Fetch it no more."""
        ...

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones; another worker gets them only after the lease."""
        ...

    def first_attempt_ms(self, provider: str, merchant: str, *, since_id: int) -> int | None:
        """When the merchant's first order was made whose identifier is at least this."""
        ...

    def payments(self, providers: Sequence[str], merchant: str, numbers: Sequence[str]) -> Mapping[str, OurPayment]:
        """Orders by our numbers, by whichever of these providers, without what was booked for them."""
        ...

    def payments_by_transaction(
        self, providers: Sequence[str], merchant: str, numbers: Sequence[str]
    ) -> Mapping[str, OurPayment]:
        """Orders by the provider's numbers, with the fees that were booked for them."""
        ...

    def refunds(self, providers: Sequence[str], merchant: str, numbers: Sequence[str]) -> Mapping[str, OurRefund]:
        """Refunds by our numbers."""
        ...

    def fees(self, subject_ids: Sequence[int]) -> Mapping[int, int]:
        """What was booked for orders and refunds as fees; negative for what came back."""
        ...

    def misplaced(self, account: str, transactions: Sequence[str]) -> frozenset[str]:
        """Those under which money is on record as not fitting."""
        ...

    def paid_between(
        self, provider: str, merchant: str, *, from_ms: int, until_ms: int, after_id: int, limit: int
    ) -> Sequence[OurPayment]:
        """Orders that were paid then, from the earliest; of those at `from_ms` exactly only those after `after_id`."""
        ...

    def refunded_between(
        self, provider: str, merchant: str, *, from_ms: int, until_ms: int, after_id: int, limit: int
    ) -> Sequence[OurRefund]:
        """The same of refunds that succeeded then."""
        ...

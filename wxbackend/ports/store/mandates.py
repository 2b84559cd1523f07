"""Customers, SetupIntents, and the mandates that they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wxbackend.domain.customer import Customer
from wxbackend.domain.mandate import Mandate
from wxbackend.domain.setup import SetupIntent
from wxbackend.ports.store.payments import Page, Poll


class Customers(Protocol):
    """Customers."""

    def insert(self, customer: Customer) -> None:
        """Keep a new one."""
        ...

    def find(self, customer_id: int) -> Customer | None:
        """Read one."""
        ...

    def lock(self, customer_id: int) -> Customer | None:
        """Read one and keep others from changing it until the unit ends."""
        ...

    def save(self, customer: Customer, *, was: Customer) -> None:
        """Write what differs from `was`; `lock` gave it in this unit."""
        ...

    def page(self, account: str, *, livemode: bool, page: Page, merchant_user_id: str | None) -> Sequence[Customer]:
        """Up to `limit` + 1 of them, newest first."""
        ...


class Setups(Protocol):
    """SetupIntents."""

    def insert(self, setup: SetupIntent) -> None:
        """Keep a new one."""
        ...

    def find(self, setup_id: int) -> SetupIntent | None:
        """Read one."""
        ...

    def lock(self, setup_id: int) -> SetupIntent | None:
        """Read one and keep others from changing it, and its mandates, until the unit ends."""
        ...

    def save(self, setup: SetupIntent, *, was: SetupIntent) -> None:
        """Write what differs from `was`; `lock` gave it in this unit."""
        ...

    def page(
        self, account: str, *, livemode: bool, page: Page, customer_id: int | None
    ) -> Sequence[tuple[SetupIntent, Mandate | None]]:
        """Up to `limit` + 1 of them with their mandates, newest first."""
        ...


class Mandates(Protocol):
    """Mandates and the times at which they are looked at again.

    Whoever changes one has locked its SetupIntent first; whoever charges one locks it after the PaymentIntent.
    """

    def insert(self, mandate: Mandate) -> None:
        """Keep a new one."""
        ...

    def find(self, mandate_id: int) -> Mandate | None:
        """Read one."""
        ...

    def lock(self, mandate_id: int) -> Mandate | None:
        """Read one and keep others from changing it until the unit ends."""
        ...

    def find_by_method(self, method_id: int) -> Mandate | None:
        """The one behind a payment method."""
        ...

    def lock_by_method(self, method_id: int) -> Mandate | None:
        """The same, kept from others until the unit ends."""
        ...

    def find_by_number(self, provider: str, merchant: str, out_mandate_no: str) -> Mandate | None:
        """Read one by the number that the provider knows."""
        ...

    def save(self, mandate: Mandate, *, was: Mandate) -> Mandate:
        """Write what differs from `was`; with its next version. It is locked in this unit."""
        ...

    def methods(self, account: str, *, livemode: bool, page: Page, customer_id: int) -> Sequence[Mandate]:
        """Up to `limit` + 1 of a customer's that can be charged, newest first."""
        ...

    def schedule(self, mandate_id: int, *, due_ms: int, tries: int) -> None:
        """Look at it again then."""
        ...

    def unschedule(self, mandate_id: int) -> None:
        """Never look at it again."""
        ...

    def hurry(self, *, due_ms: int) -> int:
        """Let every planned look be due then at the latest; how many were planned later. Leases end with it."""
        ...

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones; another worker gets them only after the lease."""
        ...

    def take(self, mandate_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one as `claim` does; None when it is not due, or another worker has it."""
        ...

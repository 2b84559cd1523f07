"""PaymentIntents, their attempts, and what is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.intent import PaymentIntent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: newest first, `after`/`before` are identifiers that the part ends at."""

    limit: int
    after: int | None = None
    before: int | None = None
    created_from_ms: int | None = None
    created_until_ms: int | None = None
    merchant_order_id: str | None = None

    def cut(self, found: Sequence[T]) -> tuple[Sequence[T], bool]:
        """What was read for this page without the one too many, and whether there are more."""
        if len(found) <= self.limit:
            return found, False
        return (found[1:] if self.before is not None else found[: self.limit]), True


@dataclass(frozen=True, slots=True)
class Poll:
    """Something that is due to be looked at, and how often it was."""

    item: int
    tries: int


class Intents(Protocol):
    """PaymentIntents."""

    def insert(self, intent: PaymentIntent) -> None:
        """Keep a new one."""
        ...

    def find(self, intent_id: int) -> PaymentIntent | None:
        """Read one."""
        ...

    def lock(self, intent_id: int) -> PaymentIntent | None:
        """Read one and keep others from changing it until the unit ends."""
        ...

    def save(self, intent: PaymentIntent, *, was: PaymentIntent | None = None) -> None:
        """Write what differs from `was`, or all that can change; `lock` gave it in this unit."""
        ...

    def lock_of(self, attempt_id: int) -> tuple[PaymentIntent, Attempt] | None:
        """An attempt and its intent, both kept from others until the unit ends."""
        ...

    def expect_lock_of(self, attempt_id: int) -> None:
        """Say that `lock_of` comes next in this unit, so that its answer is waited for together with others."""
        ...

    def expect_lock_by_number(self, provider: str, merchant: str, out_trade_no: str) -> None:
        """Say that `lock_by_number` comes next in this unit."""
        ...

    def lock_by_number(self, provider: str, merchant: str, out_trade_no: str) -> tuple[PaymentIntent, Attempt] | None:
        """The same by the number that the provider knows."""
        ...

    def shown(self, intent_id: int) -> tuple[PaymentIntent, Attempt | None] | None:
        """Read one with its current attempt."""
        ...

    def page(self, account: str, *, livemode: bool, page: Page) -> Sequence[tuple[PaymentIntent, Attempt | None]]:
        """Up to `limit` + 1 of them with their current attempts, newest first."""
        ...


class Attempts(Protocol):
    """Attempts and the times at which they are looked at again."""

    def insert(self, attempt: Attempt) -> None:
        """Keep a new one."""
        ...

    def find(self, attempt_id: int) -> Attempt | None:
        """Read one."""
        ...

    def unresolved(self, intent_id: int) -> Attempt | None:
        """The one attempt of the intent that the provider still has to be asked about."""
        ...

    def of_group(self, group_id: int) -> Sequence[Attempt]:
        """Those that the combined order of a payment group is made of, oldest first; none for no group."""
        ...

    def save(self, attempt: Attempt, *, was: Attempt | None = None) -> Attempt:
        """Write what differs from `was`, or all that can change; with its next version. Its intent is locked."""
        ...

    def schedule(self, attempt_id: int, *, due_ms: int, tries: int) -> None:
        """Look at it again then; replaces what was planned and gives a lease back."""
        ...

    def unschedule(self, attempt_id: int) -> None:
        """Never look at it again."""
        ...

    def hurry(self, *, due_ms: int) -> int:
        """Let every planned look be due then at the latest; how many were planned later. Leases end with it."""
        ...

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones; another worker gets them only after the lease."""
        ...

    def take(self, attempt_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one as `claim` does; None when it is not due, or another worker has it."""
        ...

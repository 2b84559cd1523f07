"""What was shipped, and what WeChat pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from wxbackend.domain.shipping import Shipping, ShippingState
from wxbackend.ports.store.payments import Page, Poll


class Shippings(Protocol):
    """Shippings, at most one for each intent, and the times at which they are looked at again."""

    def insert(self, shipping: Shipping) -> None:
        """Keep a new one."""
        ...

    def find(self, shipping_id: int) -> Shipping | None:
        """Read one."""
        ...

    def of_intent(self, intent_id: int) -> Shipping | None:
        """Read the one of an intent."""
        ...

    def find_by_number(self, provider: str, merchant: str, out_trade_no: str) -> Shipping | None:
        """Read one by the order's number that the provider knows."""
        ...

    def save(self, shipping: Shipping, *, was: Shipping | None = None) -> None:
        """Write one; its intent is locked in this unit."""
        ...

    def page(
        self,
        account: str,
        *,
        livemode: bool,
        page: Page,
        states: Sequence[ShippingState] = (),
        ship_before_ms: int | None = None,
    ) -> Sequence[Shipping]:
        """Up to `limit` + 1 of them, newest first; with `ship_before_ms` those that WeChat will have waited for."""
        ...

    def late(self, *, ship_before_ms: int, limit: int) -> Sequence[Shipping]:
        """Those of all accounts that are not told and have to be by then, the most urgent first."""
        ...

    def count_late(self, *, ship_before_ms: int) -> int:
        """How many those are."""
        ...

    def schedule(self, shipping_id: int, *, due_ms: int, tries: int) -> None:
        """Look at it again then."""
        ...

    def unschedule(self, shipping_id: int) -> None:
        """Never look at it again."""
        ...

    def hurry(self, *, due_ms: int) -> int:
        """Let every planned look be due then at the latest; how many were planned later. Leases end with it."""
        ...

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones; another worker gets them only after the lease."""
        ...

    def take(self, shipping_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one as `claim` does; None when it is not due, or another worker has it."""
        ...


@dataclass(frozen=True, slots=True)
class KeptPush:
    """A proven push with its content."""

    id: int
    appid: str
    push_id: str
    kind: str
    event: str
    sealed: bool
    received_ms: int
    content: str = field(repr=False)


class Pushes(Protocol):
    """The inbox of what WeChat pushed."""

    def keep(self, push: KeptPush) -> bool:
        """Keep it unless the same push is there already and was handled; whether it still has to be."""
        ...

    def handled(self, push: KeptPush, *, verdict: str, now_ms: int) -> None:
        """What came of it."""
        ...

    def unhandled(self, *, before_ms: int, limit: int) -> Sequence[KeptPush]:
        """Those that were kept and not handled, oldest first; without those that failed and are not due again."""
        ...

    def forget(self, *, received_before_ms: int) -> None:
        """Drop those that were handled and are older."""
        ...

"""The port to WeChat's order management: tell what was shipped, ask what is known, remind the buyer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wxbackend.domain.shipping import Shipping
from wxbackend.domain.shipping_lifecycle import ShippingObservation
from wxbackend.ports.accounts import App


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """A payment whose shipping WeChat waits for: the merchant's number, and the order's."""

    merchant: str
    out_trade_no: str


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """Some of them; `after` is where the next page begins, None at the end."""

    orders: tuple[WaitingOrder, ...]
    after: str | None


class OrderDesk(Protocol):
    """Order management of one installation's apps. What goes wrong with an order is an observation and not raised."""

    def tell(self, app: App, shipping: Shipping) -> ShippingObservation:
        """Tell the shipping's telling. The same shipping gives the same request, however often."""
        ...

    def ask(self, app: App, shipping: Shipping) -> ShippingObservation:
        """What WeChat knows of the payment."""
        ...

    def remind(self, app: App, shipping: Shipping, *, received_ms: int) -> None:
        """Ask the buyer to confirm the receipt, once for each payment; raises `ProviderError` or `Rejected`."""
        ...

    def waiting(self, app: App, *, from_ms: int, until_ms: int, after: str | None) -> WaitingPage:
        """Payments made between these moments whose shipping WeChat waits for; raises `ProviderError`."""
        ...

    def is_managed(self, app: App) -> bool:
        """Whether WeChat manages the app's orders and holds their money until then; raises `ProviderError`."""
        ...

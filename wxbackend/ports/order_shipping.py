"""The port to WeChat's order management: tell what was shipped, ask what is known, remind the buyer."""

from __future__ import annotations

from typing import Protocol

from wxbackend.domain.shipping import Shipping
from wxbackend.domain.shipping_lifecycle import ShippingObservation
from wxbackend.ports.accounts import App


class OrderDesk(Protocol):
    """Order management of one installation's apps. What goes wrong on the way is an observation: nothing is raised."""

    def tell(self, app: App, shipping: Shipping) -> ShippingObservation:
        """Tell the shipping's telling. The same shipping gives the same request, however often."""
        ...

    def ask(self, app: App, shipping: Shipping) -> ShippingObservation:
        """What WeChat knows of the payment."""
        ...

    def remind(self, app: App, shipping: Shipping, *, received_ms: int) -> None:
        """Ask the buyer to confirm the receipt, once for each payment; raises `ProviderError` or `Rejected`."""
        ...

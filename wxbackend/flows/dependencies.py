"""What flows are given; put together once, in `assembly`."""

from __future__ import annotations

from dataclasses import dataclass

from wxbackend.ports.accounts import Accounts
from wxbackend.ports.bills import BillProviders, FileTransport
from wxbackend.ports.coordination import Coordination
from wxbackend.ports.counting import Counting
from wxbackend.ports.delivery import Courier
from wxbackend.ports.identity import IdentityProvider
from wxbackend.ports.store import Store
from wxbackend.ports.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Policy:
    """Times that an operator may choose."""

    order_expires_after_s: int = 7_200
    """How long a buyer may pay an order; WeChat's prepay_id lasts as long."""
    look_after_s: tuple[float, ...] = (10, 30, 120, 600)
    """When an open order is queried, counted from when it was sent; then at its expiry."""
    refund_look_after_s: tuple[float, ...] = (10, 60, 300, 1_200, 3_600, 21_600)
    """When a refund that the provider took is queried; the last pause repeats."""
    refund_short_after_s: float = 300
    """When a refund that the balance could not bear is sent again."""
    shipping_again_after_s: tuple[float, ...] = (10, 15, 30, 60, 300, 600, 1_800)
    """When WeChat is told again of goods that it did not take in or whose payment it does not know yet."""
    refund_spacing_s: float = 61
    """How long after a refund of an order the next one is sent; WeChat wants a minute, and clocks differ a little."""
    lease_s: float = 30
    """How long what somebody acts on is left alone by everybody else; longer than all the calls of one act."""
    login_lasts_s: int = 86_400
    """How long a buyer's login session lasts."""
    allow_private_webhooks: bool = False
    """Whether webhooks may go to addresses that are not public."""
    fetch_bills: bool = True
    """Whether the worker fetches every day's bills by itself."""
    allow_private_client_ips: bool = False
    """Whether a buyer's address may be a private one, as in the documents' examples."""
    public_url: str = ""
    """Where the outside reaches us, without a slash at the end."""

    @property
    def refund_spacing_ms(self) -> int:
        """`refund_spacing_s` in milliseconds."""
        return round(self.refund_spacing_s * 1000)

    @property
    def lease_ms(self) -> int:
        """`lease_s` in milliseconds."""
        return round(self.lease_s * 1000)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """All ports, and the policy."""

    store: Store
    transport: FileTransport
    providers: BillProviders
    accounts: Accounts
    identity: IdentityProvider
    coordination: Coordination
    courier: Courier
    surroundings: Surroundings
    counting: Counting
    policy: Policy

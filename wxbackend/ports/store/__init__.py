"""The port to the database: one `Unit` is one transaction, and no socket is open while it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from wxbackend.ports.store.bills import Bills
from wxbackend.ports.store.callers import (
    ApiKey,
    ApiKeys,
    Certificates,
    Idempotency,
    IdempotentRequest,
    KeptReply,
    Logins,
    LoginSession,
)
from wxbackend.ports.store.failures import Failure, Failures, Work
from wxbackend.ports.store.gauges import Gauges
from wxbackend.ports.store.handover import Due, Handover, Kind
from wxbackend.ports.store.mandates import Customers, Mandates, Setups
from wxbackend.ports.store.messages import (
    Deliveries,
    Delivery,
    DeliveryTry,
    Endpoints,
    Events,
    Kept,
    KeptDelivery,
    KeptNotice,
    Notices,
)
from wxbackend.ports.store.money import BookedTransfer, Discrepancies, Ledger, RecordedDiscrepancy, Refunds
from wxbackend.ports.store.payments import Attempts, Intents, Page, Poll
from wxbackend.ports.store.sharings import ProfitSharings, SharingLooks, SharingReturns
from wxbackend.ports.store.shipping import KeptPush, Pushes, Shippings
from wxbackend.ports.store.transfers import MerchantTransfers

__all__ = [
    "ApiKey",
    "ApiKeys",
    "Attempts",
    "Bills",
    "BookedTransfer",
    "Certificates",
    "Customers",
    "Deliveries",
    "Delivery",
    "DeliveryTry",
    "Discrepancies",
    "Due",
    "Endpoints",
    "Events",
    "Failure",
    "Failures",
    "Gauges",
    "Handover",
    "Idempotency",
    "IdempotentRequest",
    "Intents",
    "Kept",
    "KeptDelivery",
    "KeptNotice",
    "KeptPush",
    "KeptReply",
    "Kind",
    "Ledger",
    "LoginSession",
    "Logins",
    "Mandates",
    "MerchantTransfers",
    "Notices",
    "Page",
    "Poll",
    "ProfitSharings",
    "Pushes",
    "RecordedDiscrepancy",
    "Refunds",
    "Setups",
    "SharingLooks",
    "SharingReturns",
    "Shippings",
    "Store",
    "Unit",
    "Work",
]

T = TypeVar("T")


class Unit(Protocol):
    """One transaction."""

    @property
    def intents(self) -> Intents:
        """PaymentIntents."""
        ...

    @property
    def attempts(self) -> Attempts:
        """Attempts."""
        ...

    @property
    def events(self) -> Events:
        """Events and the outbox."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """What became of deliveries."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """Webhook endpoints."""
        ...

    @property
    def notices(self) -> Notices:
        """The inbox."""
        ...

    @property
    def discrepancies(self) -> Discrepancies:
        """Money that does not fit."""
        ...

    @property
    def bills(self) -> Bills:
        """Bills."""
        ...

    @property
    def refunds(self) -> Refunds:
        """Refunds."""
        ...

    @property
    def customers(self) -> Customers:
        """Customers."""
        ...

    @property
    def setups(self) -> Setups:
        """SetupIntents."""
        ...

    @property
    def mandates(self) -> Mandates:
        """Mandates."""
        ...

    @property
    def merchant_transfers(self) -> MerchantTransfers:
        """Transfers to people."""
        ...

    @property
    def profit_sharings(self) -> ProfitSharings:
        """Sharings of paid orders."""
        ...

    @property
    def sharing_returns(self) -> SharingReturns:
        """Returns of what was shared."""
        ...

    @property
    def sharing_looks(self) -> SharingLooks:
        """When to look at either."""
        ...

    @property
    def shippings(self) -> Shippings:
        """What was shipped."""
        ...

    @property
    def pushes(self) -> Pushes:
        """The inbox of pushes."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The journal."""
        ...

    @property
    def logins(self) -> Logins:
        """Login sessions."""
        ...

    @property
    def idempotency(self) -> Idempotency:
        """Kept replies."""
        ...

    @property
    def certificates(self) -> Certificates:
        """Providers' certificates."""
        ...

    @property
    def api_keys(self) -> ApiKeys:
        """API keys that are kept in the database."""
        ...

    @property
    def failures(self) -> Failures:
        """Work that failed here."""
        ...

    @property
    def gauges(self) -> Gauges:
        """Unfinished things."""
        ...

    @property
    def handover(self) -> Handover:
        """The queues, to look at."""
        ...


class Store(Protocol):
    """Runs units. The work may run on another thread, and again after a conflict: it must be pure otherwise."""

    def write(self, work: Callable[[Unit], T]) -> T:
        """Run it in a transaction that is durable when this returns; an exception undoes it."""
        ...

    def read(self, work: Callable[[Unit], T]) -> T:
        """Run it on one consistent view, without writing."""
        ...

    def look(self, work: Callable[[Unit], T]) -> T:
        """Run it without writing and without a transaction: for work that is one statement, which is a view itself."""
        ...

    def pending_revision(self) -> str | None:
        """The schema revision that the database lacks; None when it has what this program needs, or newer."""
        ...

"""The port to the database: one `Unit` is one transaction, and no socket is open while it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.discrepancy import Discrepancy
from wxbackend.domain.event import Event
from wxbackend.domain.intent import PaymentIntent
from wxbackend.ports.provider import PlatformCertificate

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

    def save(self, intent: PaymentIntent) -> None:
        """Write one that `lock` gave in this unit."""
        ...

    def page(self, account: str, *, livemode: bool, page: Page) -> Sequence[tuple[PaymentIntent, Attempt | None]]:
        """Up to `limit` + 1 of them with their current attempts, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Poll:
    """An attempt that is due to be looked at."""

    attempt_id: int
    tries: int


class Attempts(Protocol):
    """Attempts and the times at which they are looked at again."""

    def insert(self, attempt: Attempt) -> None:
        """Keep a new one."""
        ...

    def find(self, attempt_id: int) -> Attempt | None:
        """Read one."""
        ...

    def find_by_number(self, provider: str, merchant: str, out_trade_no: str) -> Attempt | None:
        """Read one by the number that the provider knows."""
        ...

    def unresolved(self, intent_id: int) -> Attempt | None:
        """The one attempt of the intent that the provider still has to be asked about."""
        ...

    def save(self, attempt: Attempt) -> None:
        """Write one."""
        ...

    def schedule(self, attempt_id: int, *, due_ms: int, tries: int) -> None:
        """Look at it again then; replaces what was planned and gives a lease back."""
        ...

    def unschedule(self, attempt_id: int) -> None:
        """Never look at it again."""
        ...

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones; another worker gets them only after the lease."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    id: int
    event_id: int
    endpoint_id: str
    tries: int
    body: bytes


class Events(Protocol):
    """Events and their deliveries: the outbox."""

    def insert(self, event: Event, *, endpoint_ids: Sequence[str], delivery_ids: Sequence[int]) -> None:
        """Keep the event and one delivery for each endpoint, due at once."""
        ...

    def claim(
        self, *, now_ms: int, lease_ms: int, limit: int, busy_endpoints: Sequence[str] = ()
    ) -> Sequence[Delivery]:
        """Take due deliveries, except those to busy endpoints; another worker gets them only after the lease."""
        ...

    def delivered(self, delivery_id: int, *, now_ms: int, tries: int, status: int) -> None:
        """It arrived."""
        ...

    def failed(self, delivery_id: int, *, tries: int, status: int | None, reason: str, due_ms: int | None) -> None:
        """It did not; try again then, or never when `due_ms` is None."""
        ...


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """A proven notice as it came."""

    id: int
    provider: str
    merchant: str
    notice_id: str
    kind: str
    out_trade_no: str | None
    received_ms: int
    headers: str
    body: bytes


class Notices(Protocol):
    """The inbox."""

    def keep(self, notice: KeptNotice) -> bool:
        """Keep it unless the same notice is there already and was handled; whether it still has to be."""
        ...

    def handled(self, notice: KeptNotice, *, verdict: str, now_ms: int) -> None:
        """What came of it."""
        ...

    def unhandled(self, *, before_ms: int, limit: int) -> Sequence[KeptNotice]:
        """Notices that were kept and not handled, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedDiscrepancy:
    """A discrepancy and what it is about."""

    id: int
    account: str
    livemode: bool
    intent_id: int | None
    attempt_id: int | None
    created_ms: int
    found: Discrepancy


class Discrepancies(Protocol):
    """Money that does not fit."""

    def insert(self, recorded: RecordedDiscrepancy) -> bool:
        """Record it once for each attempt, kind and transaction; whether it is new."""
        ...

    def count_open(self) -> int:
        """How many wait for a person."""
        ...


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A buyer who logged in through WeChat; the token is kept as its hash."""

    token_hash: str
    account: str
    livemode: bool
    appid: str
    openid: str = field(repr=False)
    payable: bool = True
    created_ms: int = 0
    expires_ms: int = 0


class Logins(Protocol):
    """Login sessions."""

    def insert(self, session: LoginSession) -> None:
        """Keep one."""
        ...

    def find(self, token_hash: str) -> LoginSession | None:
        """Read one, expired or not."""
        ...

    def forget(self, *, expired_before_ms: int) -> None:
        """Drop those that expired before then."""
        ...


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request that may be sent again: who, which key, and what it asked."""

    account: str
    livemode: bool
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class KeptReply:
    """What is known under a key. `status` is None while the first request is being worked on."""

    fingerprint: str
    status: int | None
    body: bytes | None
    object_id: int | None
    begun_ms: int


class Idempotency(Protocol):
    """Replies kept for requests that are sent again."""

    def begin(self, request: IdempotentRequest, *, object_id: int | None, now_ms: int) -> KeptReply | None:
        """Claim the key; None when it is ours now, else what is there."""
        ...

    def finish(self, request: IdempotentRequest, *, status: int, body: bytes) -> None:
        """Keep the answer."""
        ...

    def release(self, request: IdempotentRequest) -> None:
        """Forget a claim whose request changed nothing."""
        ...

    def forget(self, *, begun_before_ms: int) -> None:
        """Drop what is older."""
        ...


class Certificates(Protocol):
    """Providers' certificates that were fetched, shared by all processes."""

    def save(self, provider: str, merchant: str, certificates: Sequence[PlatformCertificate]) -> None:
        """Keep these beside what is there."""
        ...

    def load(self, provider: str, merchant: str) -> tuple[PlatformCertificate, ...]:
        """All that are kept."""
        ...


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
        """Events and deliveries."""
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


class Store(Protocol):
    """Runs units. The work may run on another thread, and again after a conflict: it must be pure otherwise."""

    def write(self, work: Callable[[Unit], T]) -> T:
        """Run it in a transaction that is durable when this returns; an exception undoes it."""
        ...

    def read(self, work: Callable[[Unit], T]) -> T:
        """Run it on one consistent view, without writing."""
        ...

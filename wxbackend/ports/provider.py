"""The port to a payment provider: it builds exchanges and reads messages, and never opens a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.card import Card
from wxbackend.domain.mandate_lifecycle import MandateObservation
from wxbackend.domain.observation import Observation, RefundObservation
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.domain.payment_group import EachTold
from wxbackend.domain.refund import Refund
from wxbackend.domain.transfer_observation import TransferObservation

if TYPE_CHECKING:  # the two ports speak of each other
    from wxbackend.ports.mandate import MandateProvider

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where a provider listens: the main address, and one used only after a connection error."""

    main: str
    backup: str | None = None


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """By which files (PEM) we prove ourselves in TLS; `authority_file` is believed there instead of the public ones."""

    certificate_file: str
    private_key_file: str
    authority_file: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Exchange(Generic[T]):
    """One HTTP request, as the exact bytes to send, and the function that reads its reply.

    `read` raises `ProviderUnknown` when the reply proves nothing.
    """

    purpose: str
    method: str
    hosts: Hosts
    target: str
    headers: Mapping[str, str]
    body: bytes
    read: Callable[[Reply], T] = field(repr=False)
    client: ClientCertificate | None = None
    headers_suffice: bool = False
    """Of a 200 the body is not wanted: it may be a large file."""


@dataclass(frozen=True, slots=True)
class TransferNews:
    """What a notice says about a transfer to a person, by our number."""

    number: str
    observation: TransferObservation


@dataclass(frozen=True, slots=True)
class SharingNews:
    """What a notice is about when something became of a sharing or a return; what it was is for a query to say."""

    number: str
    return_number: str | None


@dataclass(frozen=True, slots=True)
class GroupNews:
    """What a notice says about a combined order, by its number: what became of each of its orders."""

    number: str
    told: EachTold


@dataclass(frozen=True, slots=True)
class Notice:
    """A message from a provider, proven to be theirs. `observation` is None for kinds we only keep.

    One that names a refund without an observation is a hint that nobody signed: the provider has to be asked.
    """

    id: str
    kind: str
    merchant: str
    out_trade_no: str | None
    observation: Observation | None
    out_refund_no: str | None = None
    refund_observation: RefundObservation | None = None
    out_mandate_no: str | None = None
    mandate_observation: MandateObservation | None = None
    transfer: TransferNews | None = None
    sharing: SharingNews | None = None
    group: GroupNews | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The provider's own way of hearing yes or no."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Provider(Protocol):
    """One merchant at one provider."""

    @property
    def name(self) -> str:
        """The folder of the adapter, kept with every attempt."""
        ...

    @property
    def merchant(self) -> str:
        """The merchant's number at the provider."""
        ...

    @property
    def currencies(self) -> frozenset[str]:
        """What it can collect."""
        ...

    @property
    def takes_codes(self) -> bool:
        """Whether payment codes are charged through it."""
        ...

    def order(self, attempt: Attempt) -> Exchange[Observation]:
        """Open the attempt's order. The same attempt gives the same order, however often."""
        ...

    def query(self, attempt: Attempt) -> Exchange[Observation]:
        """Ask what became of the order."""
        ...

    def close(self, attempt: Attempt) -> Exchange[Observation]:
        """Make the order unpayable."""
        ...

    def charge_code(self, attempt: Attempt, code: PaymentCode) -> Exchange[Observation]:
        """Charge a payment code that a shop scanned: `Paid`, or `Pending` while the buyer types the PIN."""
        ...

    def reverse(self, attempt: Attempt) -> Exchange[Observation]:
        """End a charge, and give back what was paid: `Closed` when done for good, `Pending` to be asked again.

        `Declined` says that it will never be done, and that nothing was.
        """
        ...

    def refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Give money back. The same refund gives the same request, however often."""
        ...

    def query_refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Ask what became of the refund."""
        ...

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify, decrypt and read a notice; raises `Untrusted`. Never calls out."""
        ...

    def reread_notice(self, body: bytes) -> Notice:
        """Read a notice that `read_notice` proved before; its signature is too old to be checked again."""
        ...

    def acknowledge(self, *, accepted: bool) -> Acknowledgement:
        """What to answer to a notice."""
        ...


@runtime_checkable
class CardRefunds(Protocol):
    """A provider that can send a refund to a bank card when the buyer's account cannot take it."""

    @property
    def card_banks(self) -> frozenset[str]:
        """The banks whose cards it can send to."""
        ...

    def refund_to_card(self, refund: Refund, card: Card) -> Exchange[RefundObservation]:
        """Send an abnormal refund there. The same request again changes nothing."""
        ...


@runtime_checkable
class OrderLimits(Protocol):
    """A provider that takes no order above a limit of its own."""

    def amount_max(self, currency: str) -> int | None:
        """The most that one order may be, in minor units; None where no limit is known."""
        ...


class Providers(Protocol):
    """All merchants of this installation."""

    def of(self, name: str, merchant: str) -> Provider | None:
        """The adapter for a merchant's number, or None."""
        ...

    def mandates_of(self, name: str, merchant: str) -> MandateProvider | None:
        """The same for its auto-debit contracts; None when it has none in the settings."""
        ...

    def charging_codes(self, merchant: str) -> Provider | None:
        """The adapter through which a merchant's number charges payment codes, or None."""
        ...

    def certificate_sources(self) -> Iterable[tuple[str, str, CertificateSource]]:
        """Name, merchant's number and source of all whose certificates have to be fetched."""
        ...


class Transport(Protocol):
    """Sends exchanges. Raises `ProviderUnreached` or `ProviderUnknown`, nothing else."""

    def send(self, exchange: Exchange[T]) -> T:
        """Send it once (and once more to the back-up address after a connection error), read the reply."""
        ...


@dataclass(frozen=True, slots=True)
class PlatformCertificate:
    """A provider's certificate, PEM, whose key verifies its messages; times are Unix milliseconds."""

    serial: str
    pem: str
    effective_ms: int
    expires_ms: int


class CertificateSource(Protocol):
    """A provider whose verification certificates have to be fetched."""

    def certificates(self) -> Exchange[tuple[PlatformCertificate, ...]]:
        """Fetch them; the reply proves itself by the symmetric key and then by the certificates."""
        ...

    def trust(self, certificates: tuple[PlatformCertificate, ...]) -> None:
        """Verify with these too from now on; nothing known before is forgotten."""
        ...

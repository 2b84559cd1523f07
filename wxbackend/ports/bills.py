"""The port to a provider's bills: what a merchant's day was, as the provider wrote it down in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from wxbackend.domain.bill import BillKind
from wxbackend.ports.provider import Exchange, Hosts, Providers, Transport


@dataclass(frozen=True, slots=True)
class BillOffer:
    """The bill can be fetched. The file itself is not signed; this answer is, and it names the file's SHA-1."""

    digest: str
    target: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoBill:
    """Nothing happened that day."""


@dataclass(frozen=True, slots=True)
class BillNotReady:
    """The provider has not made it yet, or gave no usable answer; ask again later."""

    reason: str


BillAnswer = BillOffer | NoBill | BillNotReady


@dataclass(frozen=True, slots=True)
class Download:
    """A file to fetch. What its bytes are, unpacked, is proven by `digest` (SHA-1, hexadecimal) and nothing else."""

    purpose: str
    hosts: Hosts
    target: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    digest: str = ""


class BillSource(Protocol):
    """A merchant's number whose bills can be fetched."""

    @property
    def name(self) -> str:
        """The provider."""
        ...

    @property
    def merchant(self) -> str:
        """The merchant's number."""
        ...

    @property
    def covers(self) -> tuple[str, ...]:
        """The providers whose orders stand in these bills, itself among them: a number has one bill for all."""
        ...

    @property
    def bill_kinds(self) -> frozenset[BillKind]:
        """Which bills there are."""
        ...

    def bill(self, kind: BillKind, day: str) -> Exchange[BillAnswer]:
        """Ask for a day's bill."""
        ...

    def bill_file(self, offer: BillOffer) -> Download:
        """Fetch the file."""
        ...

    def read_bill(self, kind: BillKind, file: BinaryIO) -> Iterator[list[Any]]:
        """Its rows in lists: `BillRow` or `FundsRow`. Raises `UnreadableBill`, at the end if its sums do not fit."""
        ...


class BillProviders(Providers, Protocol):
    """All merchants of this installation, with their bills."""

    def bill_sources(self) -> Iterable[BillSource]:
        """All whose bills can be fetched."""
        ...


class FileTransport(Transport, Protocol):
    """A transport that fetches files too."""

    def fetch(self, download: Download) -> BinaryIO:
        """The whole file, unpacked and held against its digest; `UnreadableBill` when it is not the one meant."""
        ...

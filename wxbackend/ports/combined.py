"""The port to a provider that takes several orders as one. Not every provider can; ask with `combines`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeGuard, runtime_checkable

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.observation import Observation
from wxbackend.domain.payment_group import GroupObservation
from wxbackend.ports.provider import Exchange, Provider


@runtime_checkable
class Combines(Protocol):
    """One merchant at a provider whose buyers may pay several orders at once; the orders are all of one group."""

    def order_group(self, attempts: Sequence[Attempt]) -> Exchange[Observation]:
        """Open them as one order. The same attempts give the same order, however often."""
        ...

    def query_group(self, attempts: Sequence[Attempt]) -> Exchange[GroupObservation]:
        """Ask what became of each."""
        ...

    def close_group(self, attempts: Sequence[Attempt]) -> Exchange[Observation]:
        """Make all of them unpayable; there is no closing a part."""
        ...


def combines(provider: Provider | None) -> TypeGuard[Combines]:
    """Whether the provider has this port as well."""
    return isinstance(provider, Combines)

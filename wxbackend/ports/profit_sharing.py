"""The port to a provider that can share a paid order's money. Not every provider can; ask with `shares_profit`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeGuard, runtime_checkable

from wxbackend.domain.observation import Declined
from wxbackend.domain.profit_sharing import PartyKind, ProfitSharing, SharingReturn
from wxbackend.domain.sharing_observation import ReturnObservation, SharingObservation
from wxbackend.ports.money_out import Fault
from wxbackend.ports.provider import Exchange, Provider


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with whom money may be shared, in the words of the API."""

    app: str
    kind: PartyKind
    party: str = field(repr=False)
    relation: str = ""
    custom_relation: str | None = None
    name: str | None = field(default=None, repr=False)


@runtime_checkable
class SharesProfit(Protocol):
    """One merchant that may share what it is paid."""

    def sharing_fault(self, sharing: ProfitSharing) -> Fault | None:
        """What is wrong with it, as far as that can be known without asking."""
        ...

    def party_fault(self, party: Party) -> Fault | None:
        """What is wrong with a party that shall be added."""
        ...

    def share(self, sharing: ProfitSharing) -> Exchange[SharingObservation]:
        """Send it. The same sharing gives the same request, however often, but for what is encrypted in it."""
        ...

    def query_sharing(self, sharing: ProfitSharing) -> Exchange[SharingObservation]:
        """Ask what became of it."""
        ...

    def return_share(self, returned: SharingReturn) -> Exchange[ReturnObservation]:
        """Bring a part back. The same return gives the same request, however often."""
        ...

    def query_return(self, returned: SharingReturn) -> Exchange[ReturnObservation]:
        """Ask what became of the return."""
        ...

    def add_party(self, party: Party) -> Exchange[Declined | None]:
        """Allow sharing with somebody; doing it again changes nothing. None when it is done."""
        ...

    def remove_party(self, party: Party) -> Exchange[Declined | None]:
        """Allow it no longer; doing it again changes nothing. None when it is done."""
        ...


def shares_profit(provider: Provider | None) -> TypeGuard[SharesProfit]:
    """Whether the provider has this port as well."""
    return isinstance(provider, SharesProfit)

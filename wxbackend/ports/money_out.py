"""The port to a provider that can give money to people. Not every provider can; ask with `gives_money`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeGuard, runtime_checkable

from wxbackend.domain.merchant_transfer import MerchantTransfer
from wxbackend.domain.transfer_observation import TransferObservation
from wxbackend.ports.provider import Exchange, Provider


@dataclass(frozen=True, slots=True)
class Fault:
    """What the provider would refuse, before anything is recorded: the API's parameter, and the fix."""

    param: str
    message: str
    code: str = "parameter_invalid"


@runtime_checkable
class MoneyOut(Protocol):
    """One merchant that may give money to people, each of whom confirms."""

    def transfer_fault(self, transfer: MerchantTransfer) -> Fault | None:
        """What is wrong with it, as far as that can be known without asking."""
        ...

    def transfer(self, transfer: MerchantTransfer) -> Exchange[TransferObservation]:
        """Send it. The same transfer gives the same request, however often, but for what is encrypted in it."""
        ...

    def query_transfer(self, transfer: MerchantTransfer) -> Exchange[TransferObservation]:
        """Ask what became of it."""
        ...

    def cancel_transfer(self, transfer: MerchantTransfer) -> Exchange[TransferObservation]:
        """Take it back, as long as it was not confirmed."""
        ...


def gives_money(provider: Provider | None) -> TypeGuard[MoneyOut]:
    """Whether the provider has this port as well."""
    return isinstance(provider, MoneyOut)

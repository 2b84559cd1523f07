"""The port to a provider's auto-debit contracts: it builds exchanges, and never opens a socket."""

from __future__ import annotations

from typing import Protocol

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.mandate import Mandate, Told
from wxbackend.domain.mandate_lifecycle import MandateObservation
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Declined, Observation, Uncertain
from wxbackend.ports.provider import Exchange


class MandateProvider(Protocol):
    """One merchant at one provider that lets buyers sign contracts."""

    def sign(self, mandate: Mandate) -> Exchange[MandateObservation]:
        """Ask for a page to sign on. The same mandate asks for the same contract, however often."""
        ...

    def query_mandate(self, mandate: Mandate) -> Exchange[MandateObservation]:
        """Ask where the contract stands."""
        ...

    def end(self, mandate: Mandate) -> Exchange[MandateObservation]:
        """End the contract; ending it again changes nothing."""
        ...

    def tell(self, mandate: Mandate, money: Money) -> Exchange[Told | Declined | Uncertain]:
        """Let the provider tell the buyer of a debit to come."""
        ...

    def charge(self, attempt: Attempt) -> Exchange[Observation]:
        """Take the money of a debit. The same attempt is the same debit, however often."""
        ...

    def query_charge(self, attempt: Attempt) -> Exchange[Observation]:
        """Ask what became of a debit."""
        ...

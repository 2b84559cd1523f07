"""Calls about mandates and the debits under them. Whatever goes wrong on the way becomes an observation.

A debit is asked for once; after an answer that nobody saw it is asked about, and only when the provider does not
know it is the same one sent again, under its one number.
"""

from __future__ import annotations

from typing import Final, TypeVar

from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import NotConfigured, ProviderUnknown, ProviderUnreached
from wxbackend.domain.mandate import Ended, Mandate
from wxbackend.domain.mandate_lifecycle import MandateObservation
from wxbackend.domain.observation import Absent, Declined, Observation, Uncertain
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.mandate import MandateProvider
from wxbackend.ports.provider import Exchange

T = TypeVar("T")
QUICK_MS: Final = 3_000
"""A caller is waiting: a query follows only if the first call took no longer than this."""


def provider_of(deps: Dependencies, provider: str, merchant: str) -> MandateProvider:
    """The merchant number's contracts; raises `NotConfigured` when they left the settings."""
    found = deps.providers.mandates_of(provider, merchant)
    if found is None:
        raise NotConfigured(merchant)
    return found


def ask(deps: Dependencies, exchange: Exchange[T]) -> T | Uncertain:
    """Send one exchange."""
    try:
        return deps.transport.send(exchange)
    except (ProviderUnreached, ProviderUnknown) as error:
        return Uncertain(str(error))


def sign(deps: Dependencies, provider: MandateProvider, mandate: Mandate) -> MandateObservation:
    """Ask for a page to sign on."""
    return ask(deps, provider.sign(mandate))


def query(deps: Dependencies, provider: MandateProvider, mandate: Mandate) -> MandateObservation:
    """Ask where the contract stands."""
    return ask(deps, provider.query_mandate(mandate))


def end(deps: Dependencies, provider: MandateProvider, mandate: Mandate) -> MandateObservation:
    """End the contract; when that is not confirmed, ask whether it is over."""
    said = ask(deps, provider.end(mandate))
    if isinstance(said, Ended):
        return said
    truth = query(deps, provider, mandate)
    return said if isinstance(truth, Uncertain) else truth


def charge(deps: Dependencies, provider: MandateProvider, attempt: Attempt) -> Observation:
    """Take the money. A refusal proves nothing about an earlier call whose result we never saw."""
    started_ms = deps.surroundings.now_ms()
    sent_before = attempt.state is AttemptState.UNCERTAIN or attempt.sent_ms != attempt.created_ms
    said = ask(deps, provider.charge(attempt))
    unsure = isinstance(said, Uncertain) or (isinstance(said, Declined) and sent_before)
    if not unsure or deps.surroundings.now_ms() - started_ms >= QUICK_MS:
        return _unless_unsure(said, unsure=sent_before)
    truth = query_charge(deps, provider, attempt)
    if isinstance(truth, Absent):
        return said
    return truth if not isinstance(truth, Uncertain) else _unless_unsure(said, unsure=sent_before)


def _unless_unsure(said: Observation, *, unsure: bool) -> Observation:
    if isinstance(said, Declined) and unsure:
        return Uncertain(f"refused after an unknown result: {said.code}")
    return said


def query_charge(deps: Dependencies, provider: MandateProvider, attempt: Attempt) -> Observation:
    """Ask what became of a debit."""
    return ask(deps, provider.query_charge(attempt))

"""Calls about one order. Whatever goes wrong on the way becomes an observation: unknown is not failed."""

from __future__ import annotations

from typing import Final

from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import ProviderUnknown, ProviderUnreached
from wxbackend.domain.observation import (
    Absent,
    Closed,
    Declined,
    Observation,
    Paid,
    RefundObservation,
    Uncertain,
)
from wxbackend.domain.refund import Refund, RefundState
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.provider import Exchange, Provider

QUICK_MS: Final = 3_000
"""A buyer is waiting: further calls are made only if the first ones took no longer than this."""


def provider_of(deps: Dependencies, attempt: Attempt) -> Provider | None:
    """The merchant number that the attempt was made with, or None when it left the settings."""
    return deps.providers.of(attempt.provider, attempt.merchant)


def ask(deps: Dependencies, exchange: Exchange[Observation]) -> Observation:
    """Send one exchange."""
    try:
        return deps.transport.send(exchange)
    except (ProviderUnreached, ProviderUnknown) as error:
        return Uncertain(str(error))


def order(deps: Dependencies, provider: Provider, attempt: Attempt) -> Observation:
    """Open the order. It has one number, so repeating it can never make a second one."""
    started = deps.surroundings.now_ms()

    def quick() -> bool:
        return deps.surroundings.now_ms() - started < QUICK_MS

    said = ask(deps, provider.order(attempt))
    sent_before = attempt.state is AttemptState.UNCERTAIN or attempt.sent_ms != attempt.created_ms
    unsure_before = sent_before or isinstance(said, Uncertain)
    if isinstance(said, Uncertain) and quick():
        said = ask(deps, provider.order(attempt))
    if not unsure_before or not isinstance(said, Uncertain | Declined) or not quick():
        return _unless_unsure(said, unsure_before=unsure_before)
    truth = ask(deps, provider.query(attempt))
    if isinstance(truth, Paid | Closed):
        return truth
    return said if isinstance(truth, Absent) else _unless_unsure(said, unsure_before=unsure_before)


def _unless_unsure(said: Observation, *, unsure_before: bool) -> Observation:
    """A refusal proves nothing about an earlier call whose result we never saw."""
    if isinstance(said, Declined) and unsure_before:
        return Uncertain(f"refused after an unknown result: {said.code}")
    return said


def close(deps: Dependencies, provider: Provider, attempt: Attempt) -> Observation:
    """Close the order; when that is not confirmed, ask whether it was paid."""
    said = ask(deps, provider.close(attempt))
    if isinstance(said, Closed):
        return said
    truth = ask(deps, provider.query(attempt))
    return said if isinstance(truth, Uncertain) else truth


def query(deps: Dependencies, provider: Provider, attempt: Attempt) -> Observation:
    """Ask what became of the order."""
    return ask(deps, provider.query(attempt))


def refund(deps: Dependencies, provider: Provider, asked: Refund) -> RefundObservation:
    """Send the refund. It has one number, so repeating it can never give money back twice.

    A refusal after a call whose result we never saw proves nothing until a query says the same.
    """
    said = _ask_refund(deps, provider.refund(asked))
    first_time = asked.state is RefundState.RECORDED and asked.sent_ms == asked.created_ms
    if not isinstance(said, Declined) or first_time:
        return said
    truth = _ask_refund(deps, provider.query_refund(asked))
    return said if isinstance(truth, Absent) else truth


def query_refund(deps: Dependencies, provider: Provider, asked: Refund) -> RefundObservation:
    """Ask what became of the refund."""
    return _ask_refund(deps, provider.query_refund(asked))


def _ask_refund(deps: Dependencies, exchange: Exchange[RefundObservation]) -> RefundObservation:
    try:
        return deps.transport.send(exchange)
    except (ProviderUnreached, ProviderUnknown) as error:
        return Uncertain(str(error))

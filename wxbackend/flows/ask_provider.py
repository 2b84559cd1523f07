"""Calls about one order. Whatever goes wrong on the way becomes an observation: unknown is not failed."""

from __future__ import annotations

from typing import Final

from wxbackend.domain import lifecycle
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.card import Card
from wxbackend.domain.errors import ProviderUnknown, ProviderUnreached
from wxbackend.domain.observation import (
    Absent,
    Closed,
    Declined,
    Observation,
    Paid,
    Pending,
    RefundObservation,
    Uncertain,
)
from wxbackend.domain.payment_code import SEND_WITHIN_S_MAX, PaymentCode
from wxbackend.domain.refund import Refund
from wxbackend.flows import ask_mandate
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_qr_code import with_picture
from wxbackend.ports.mandate import MandateProvider
from wxbackend.ports.provider import CardRefunds, Exchange, Provider

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
    if attempt.is_debit():
        return ask_mandate.charge(deps, _mandates(deps, attempt), attempt)
    return with_picture(deps, attempt, _order(deps, provider, attempt))


def _order(deps: Dependencies, provider: Provider, attempt: Attempt) -> Observation:
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


def _mandates(deps: Dependencies, attempt: Attempt) -> MandateProvider:
    return ask_mandate.provider_of(deps, attempt.provider, attempt.merchant)


def charge_code(deps: Dependencies, provider: Provider, attempt: Attempt, code: PaymentCode) -> Observation:
    """Charge the code, once: nobody has it any more afterwards, and an unknown result is queried."""
    if deps.surroundings.now_ms() >= attempt.sent_ms + SEND_WITHIN_S_MAX * 1000:
        return _not_sent()
    try:
        said = deps.transport.send(provider.charge_code(attempt, code))
    except ProviderUnreached:
        return _not_sent()
    except ProviderUnknown as error:
        return Uncertain(str(error))
    return lifecycle.code_taken(attempt) if isinstance(said, Pending) else said


def _not_sent() -> Observation:
    told = lifecycle.NEVER_ARRIVED
    return Declined(told.code, told.decline_code or "not_sent", told.message)


def _unless_unsure(said: Observation, *, unsure_before: bool) -> Observation:
    """A refusal proves nothing about an earlier call whose result we never saw."""
    if isinstance(said, Declined) and unsure_before:
        return Uncertain(f"refused after an unknown result: {said.code}")
    return said


def close(deps: Dependencies, provider: Provider, attempt: Attempt) -> Observation:
    """Close the order; when that is not confirmed, ask whether it was paid. A debit can only be asked about."""
    if attempt.is_debit():
        return query(deps, provider, attempt)
    said = ask(deps, provider.close(attempt))
    if isinstance(said, Closed):
        return said
    truth = ask(deps, provider.query(attempt))
    return said if isinstance(truth, Uncertain) else truth


def query(deps: Dependencies, provider: Provider, attempt: Attempt) -> Observation:
    """Ask what became of the order."""
    if attempt.is_debit():
        return ask_mandate.query_charge(deps, _mandates(deps, attempt), attempt)
    return ask(deps, provider.query(attempt))


def refund(deps: Dependencies, provider: Provider, asked: Refund, *, first_time: bool) -> RefundObservation:
    """Send the refund. It has one number, so repeating it can never give money back twice.

    A refusal after a call whose result we never saw proves nothing until a query says the same.
    """
    said = _ask_refund(deps, provider.refund(asked))
    if not isinstance(said, Declined) or first_time:
        return said
    truth = _ask_refund(deps, provider.query_refund(asked))
    return said if isinstance(truth, Absent) else truth


def query_refund(deps: Dependencies, provider: Provider, asked: Refund) -> RefundObservation:
    """Ask what became of the refund."""
    return _ask_refund(deps, provider.query_refund(asked))


def refund_to_card(deps: Dependencies, provider: CardRefunds, asked: Refund, card: Card) -> RefundObservation:
    """Send an abnormal refund to a card; what became of it is asked when that is not clear."""
    return _ask_refund(deps, provider.refund_to_card(asked, card))


def _ask_refund(deps: Dependencies, exchange: Exchange[RefundObservation]) -> RefundObservation:
    try:
        return deps.transport.send(exchange)
    except (ProviderUnreached, ProviderUnknown) as error:
        return Uncertain(str(error))

"""Calls about a combined order. Whatever goes wrong on the way becomes an observation: unknown is not failed."""

from __future__ import annotations

from typing import TypeVar

from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.errors import ProviderUnknown, ProviderUnreached
from wxbackend.domain.observation import Absent, Closed, Declined, Observation, Paid, Uncertain
from wxbackend.domain.payment_group import EachTold, GroupObservation, PaymentGroup
from wxbackend.flows.ask_provider import QUICK_MS
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_qr_code import with_picture
from wxbackend.ports.combined import Combines, combines
from wxbackend.ports.provider import Exchange

T = TypeVar("T")


def provider_of(deps: Dependencies, group: PaymentGroup) -> Combines | None:
    """The merchant number that the combined order was made with, or None when it left the settings."""
    found = deps.providers.of(group.first.provider, group.first.merchant)
    return found if combines(found) else None


def order(deps: Dependencies, provider: Combines, group: PaymentGroup) -> GroupObservation:
    """Open the order. It has one number, so repeating it can never make a second one.

    A refusal proves nothing about an earlier call whose result we never saw: then only a query tells.
    """
    started, first, attempts = deps.surroundings.now_ms(), group.first, [each.attempt for each in group.members]

    def quick() -> bool:
        return deps.surroundings.now_ms() - started < QUICK_MS

    sent_before = first.state is AttemptState.UNCERTAIN or first.sent_ms != first.created_ms
    said = _ask(deps, provider.order_group(attempts))
    unsure = sent_before or isinstance(said, Uncertain)
    if isinstance(said, Uncertain) and quick():
        said = _ask(deps, provider.order_group(attempts))
    if not isinstance(said, Uncertain | Declined):
        return with_picture(deps, first, said)
    if not unsure:
        return said
    truth: GroupObservation = query(deps, provider, group) if quick() else Uncertain("not asked")
    if is_over(truth):
        return truth
    if isinstance(truth, Absent) or isinstance(said, Uncertain):
        return said
    return Uncertain(f"refused after an unknown result: {said.code}")


def query(deps: Dependencies, provider: Combines, group: PaymentGroup) -> GroupObservation:
    """Ask what became of each."""
    return _ask(deps, provider.query_group([each.attempt for each in group.members]))


def close(deps: Dependencies, provider: Combines, group: PaymentGroup) -> GroupObservation:
    """Close the order; when that is not confirmed, ask whether it was paid."""
    said: Observation = _ask(deps, provider.close_group([each.attempt for each in group.members]))
    if isinstance(said, Closed):
        return said
    truth = query(deps, provider, group)
    return said if isinstance(truth, Uncertain) else truth


def is_over(said: GroupObservation) -> bool:
    """Whether every order was paid or can no longer be."""
    heard = tuple(said.orders.values()) if isinstance(said, EachTold) else (said,)
    return bool(heard) and all(isinstance(each, Paid | Closed) for each in heard)


def _ask(deps: Dependencies, exchange: Exchange[T]) -> T | Uncertain:
    try:
        return deps.transport.send(exchange)
    except (ProviderUnreached, ProviderUnknown) as error:
        return Uncertain(str(error))

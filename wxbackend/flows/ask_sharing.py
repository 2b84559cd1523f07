"""Calls about sharings and returns. What goes wrong on the way becomes an observation: unknown is not failed."""

from __future__ import annotations

from typing import TypeVar

from wxbackend.domain.errors import ProviderUnknown, ProviderUnreached
from wxbackend.domain.observation import Absent, Declined, Uncertain
from wxbackend.domain.profit_sharing import ProfitSharing, ReturnState, SharingReturn, SharingState
from wxbackend.domain.sharing_observation import ReturnObservation, SharingObservation
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.profit_sharing import SharesProfit
from wxbackend.ports.provider import Exchange

T = TypeVar("T")


def send(deps: Dependencies, provider: SharesProfit, asked: ProfitSharing) -> SharingObservation:
    """Send it. It has one number, so repeating it can never share twice.

    A refusal after a call whose result we never saw proves nothing until a query says the same.
    """
    said = _ask(deps, provider.share(asked))
    first_time = asked.state is SharingState.RECORDED and asked.sent_ms == asked.created_ms
    if not isinstance(said, Declined) or first_time:
        return said
    truth = query(deps, provider, asked)
    return said if isinstance(truth, Absent) else truth


def query(deps: Dependencies, provider: SharesProfit, asked: ProfitSharing) -> SharingObservation:
    """Ask what became of it."""
    return _ask(deps, provider.query_sharing(asked))


def send_return(deps: Dependencies, provider: SharesProfit, asked: SharingReturn) -> ReturnObservation:
    """Send the return, under the same rule."""
    said = _ask(deps, provider.return_share(asked))
    first_time = asked.state is ReturnState.RECORDED and asked.sent_ms == asked.created_ms
    if not isinstance(said, Declined) or first_time:
        return said
    truth = query_return(deps, provider, asked)
    return said if isinstance(truth, Absent) else truth


def query_return(deps: Dependencies, provider: SharesProfit, asked: SharingReturn) -> ReturnObservation:
    """Ask what became of the return."""
    return _ask(deps, provider.query_return(asked))


def _ask(deps: Dependencies, exchange: Exchange[T]) -> T | Uncertain:
    try:
        return deps.transport.send(exchange)
    except (ProviderUnreached, ProviderUnknown) as error:
        return Uncertain(str(error))

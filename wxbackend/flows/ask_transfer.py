"""Calls about one transfer to a person. What goes wrong on the way becomes an observation: unknown is not failed."""

from __future__ import annotations

from wxbackend.domain.errors import ProviderUnknown, ProviderUnreached
from wxbackend.domain.merchant_transfer import MerchantTransfer, MerchantTransferState
from wxbackend.domain.observation import Absent, Declined, Uncertain
from wxbackend.domain.transfer_observation import (
    TransferCanceled,
    TransferCanceling,
    TransferObservation,
)
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.money_out import MoneyOut
from wxbackend.ports.provider import Exchange


def send(deps: Dependencies, provider: MoneyOut, asked: MerchantTransfer) -> TransferObservation:
    """Send it. It has one number, so repeating it can never give the money twice.

    A refusal after a call whose result we never saw proves nothing until a query says the same.
    """
    said = _ask(deps, provider.transfer(asked))
    first_time = asked.state is MerchantTransferState.RECORDED and asked.sent_ms == asked.created_ms
    if not isinstance(said, Declined) or first_time:
        return said
    truth = query(deps, provider, asked)
    return said if isinstance(truth, Absent) else truth


def query(deps: Dependencies, provider: MoneyOut, asked: MerchantTransfer) -> TransferObservation:
    """Ask what became of it."""
    return _ask(deps, provider.query_transfer(asked))


def cancel(deps: Dependencies, provider: MoneyOut, asked: MerchantTransfer) -> TransferObservation:
    """Take it back; where that is not confirmed, ask what is true."""
    said = _ask(deps, provider.cancel_transfer(asked))
    if isinstance(said, TransferCanceling | TransferCanceled):
        return said
    return query(deps, provider, asked)


def _ask(deps: Dependencies, exchange: Exchange[TransferObservation]) -> TransferObservation:
    try:
        return deps.transport.send(exchange)
    except (ProviderUnreached, ProviderUnknown) as error:
        return Uncertain(str(error))

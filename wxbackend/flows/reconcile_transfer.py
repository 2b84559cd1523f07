"""Look at a transfer that has not ended: send it again with its one number, take it back, or ask what became of it."""

from __future__ import annotations

import structlog

from wxbackend.domain.errors import NotConfigured
from wxbackend.domain.merchant_transfer import MerchantTransferState
from wxbackend.flows import ask_transfer, settle_transfer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.money_out import gives_money
from wxbackend.ports.store import Poll


def claim_transfer_looks(deps: Dependencies, *, at_most: int) -> list[Poll]:
    """Transfers that are due, leased to this worker."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    claimed = deps.store.write(
        lambda unit: unit.merchant_transfers.claim(now_ms=now_ms, lease_ms=lease_ms, limit=at_most)
    )
    return list(claimed)


def claim_transfer_look(deps: Dependencies, transfer_id: int) -> Poll | None:
    """This transfer, leased to this worker, if it is due and nobody else has it."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return deps.store.write(lambda unit: unit.merchant_transfers.take(transfer_id, now_ms=now_ms, lease_ms=lease_ms))


def reconcile_transfer(deps: Dependencies, poll: Poll) -> None:
    """Look at one transfer and settle what the provider says."""
    log = structlog.get_logger("transfers")
    transfer = deps.store.read(lambda unit: unit.merchant_transfers.find(poll.item))
    if transfer is None or not transfer.is_unresolved():
        deps.store.write(lambda unit: unit.merchant_transfers.unschedule(poll.item))
        return
    provider = deps.providers.of(transfer.provider, transfer.merchant)
    if not gives_money(provider):
        log.error("merchant_not_configured", provider=transfer.provider, merchant=transfer.merchant)
        raise NotConfigured(transfer.merchant)
    if transfer.is_to_be_sent():
        now_ms = deps.surroundings.now_ms()
        sent = deps.store.write(lambda unit: settle_transfer.resend(unit, deps, poll.item, now_ms=now_ms))
        if sent is None:
            return
        said = ask_transfer.send(deps, provider, sent)
    elif transfer.cancel_requested_ms is not None and transfer.state is not MerchantTransferState.CANCELING:
        said = ask_transfer.cancel(deps, provider, transfer)
    else:
        said = ask_transfer.query(deps, provider, transfer)
    after = deps.store.write(
        lambda unit: settle_transfer.settle_transfer(unit, deps, poll.item, said, looks=poll.tries + 1)
    )
    log.info("transfer_looked_at", transfer_id=poll.item, said=type(said).__name__, now=after.state.value)

"""Take a transfer back before it is confirmed: note the wish, commit, ask the provider, settle what is true then."""

from __future__ import annotations

from wxbackend.domain import transfer_lifecycle
from wxbackend.domain.merchant_transfer import MerchantTransfer
from wxbackend.flows import ask_transfer, settle_transfer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_transfer import owned
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.money_out import gives_money
from wxbackend.ports.store import Unit


def cancel_transfer(deps: Dependencies, actor: Actor, transfer_id: int, *, once: Once = Once()) -> MerchantTransfer:
    """The transfer: `canceling` for a moment, or `paid` after all when the recipient was quicker."""

    def work(unit: Unit) -> MerchantTransfer:
        was = owned(unit.merchant_transfers.lock(transfer_id), actor, transfer_id)
        claim(unit, deps, once, object_id=transfer_id)
        step = transfer_lifecycle.request_cancel(was, now_ms=deps.surroundings.now_ms())
        return settle_transfer.keep(unit, deps, step, was=was, acting=True)

    asked = deps.store.write(work)
    provider = deps.providers.of(asked.provider, asked.merchant)
    if not gives_money(provider):
        return asked
    said = ask_transfer.cancel(deps, provider, asked)
    return deps.store.write(lambda unit: settle_transfer.settle_transfer(unit, deps, asked.id, said, looks=0))

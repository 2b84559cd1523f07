"""Read transfers to people: one, or a page of them, always within the key's account and mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wxbackend.domain import ids
from wxbackend.domain.errors import NotFound
from wxbackend.domain.merchant_transfer import MerchantTransfer
from wxbackend.domain.transfer_lifecycle import TransferStep
from wxbackend.flows import settle_transfer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import Once, claim
from wxbackend.flows.update_intent import merged_metadata
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Page, Unit


def find_transfer(deps: Dependencies, actor: Actor, transfer_id: int) -> MerchantTransfer:
    """The transfer."""
    return deps.store.read(lambda unit: owned(unit.merchant_transfers.find(transfer_id), actor, transfer_id))


def list_transfers(deps: Dependencies, actor: Actor, page: Page) -> tuple[Sequence[MerchantTransfer], bool]:
    """A page, newest first, and whether there are more in that direction."""
    found = deps.store.read(
        lambda unit: unit.merchant_transfers.page(actor.account, livemode=actor.livemode, page=page)
    )
    return page.cut(found)


def update_transfer(
    deps: Dependencies, actor: Actor, transfer_id: int, metadata: dict[str, str], *, once: Once = Once()
) -> MerchantTransfer:
    """Change its metadata, the only thing of a transfer that can be changed."""

    def work(unit: Unit) -> MerchantTransfer:
        was = owned(unit.merchant_transfers.lock(transfer_id), actor, transfer_id)
        claim(unit, deps, once, object_id=transfer_id)
        changed = replace(was, metadata=merged_metadata(was.metadata, metadata))
        return settle_transfer.keep(unit, deps, TransferStep(changed), was=was, acting=False)

    return deps.store.write(work)


def owned(transfer: MerchantTransfer | None, actor: Actor, transfer_id: int) -> MerchantTransfer:
    """The transfer again, if there is one and the key may see it."""
    if transfer is None or transfer.account != actor.account or transfer.livemode != actor.livemode:
        name = ids.render(ids.TRANSFER, transfer_id)
        raise NotFound(f"No such transfer: {name}.", code="resource_missing", param="id")
    return transfer

"""What the journal says: the balance, and the rows that moved money at a provider."""

from __future__ import annotations

from collections.abc import Sequence

from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import BookedTransfer, Page


def read_balances(deps: Dependencies, actor: Actor) -> dict[tuple[str, str], int]:
    """Debits less credits by ledger account and currency; their sum is always zero."""
    return deps.store.read(lambda unit: unit.ledger.balances(actor.account, livemode=actor.livemode))


def list_transfers(deps: Dependencies, actor: Actor, page: Page) -> tuple[Sequence[BookedTransfer], bool]:
    """A page, newest first, and whether there are more in that direction."""
    found = deps.store.read(lambda unit: unit.ledger.page(actor.account, livemode=actor.livemode, page=page))
    return page.cut(found)

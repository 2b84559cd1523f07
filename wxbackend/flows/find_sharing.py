"""Read sharings and returns: one, or a page of them, always within the key's account and mode."""

from __future__ import annotations

from collections.abc import Sequence

from wxbackend.domain import ids
from wxbackend.domain.errors import NotFound
from wxbackend.domain.profit_sharing import ProfitSharing, SharingReturn
from wxbackend.flows.create_sharing import owned
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Page


def find_sharing(deps: Dependencies, actor: Actor, sharing_id: int) -> ProfitSharing:
    """The sharing."""
    return deps.store.read(lambda unit: owned(unit.profit_sharings.find(sharing_id), actor, sharing_id))


def list_sharings(
    deps: Dependencies, actor: Actor, page: Page, *, intent_id: int | None
) -> tuple[Sequence[ProfitSharing], bool]:
    """A page, newest first, and whether there are more in that direction."""
    found = deps.store.read(
        lambda unit: unit.profit_sharings.page(actor.account, livemode=actor.livemode, page=page, intent_id=intent_id)
    )
    return page.cut(found)


def find_return(deps: Dependencies, actor: Actor, return_id: int) -> SharingReturn:
    """The return."""
    returned = deps.store.read(lambda unit: unit.sharing_returns.find(return_id))
    if returned is None or returned.account != actor.account or returned.livemode != actor.livemode:
        name = ids.render(ids.SHARING_RETURN, return_id)
        raise NotFound(f"No such profit_sharing_return: {name}.", code="resource_missing", param="id")
    return returned


def list_returns(
    deps: Dependencies, actor: Actor, page: Page, *, sharing_id: int | None
) -> tuple[Sequence[SharingReturn], bool]:
    """A page, newest first, and whether there are more in that direction."""
    found = deps.store.read(
        lambda unit: unit.sharing_returns.page(actor.account, livemode=actor.livemode, page=page, sharing_id=sharing_id)
    )
    return page.cut(found)

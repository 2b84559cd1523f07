"""Allow or end sharing with somebody. Nothing is kept here: the provider has the list; repeating changes nothing."""

from __future__ import annotations

from contextlib import suppress

from wxbackend.domain.errors import InvalidRequest, Rejected
from wxbackend.flows.create_transfer import choose
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import Once, claim, let_go
from wxbackend.ports.accounts import Actor
from wxbackend.ports.profit_sharing import Party, SharesProfit, shares_profit

APP_PARAM = "app_id"


def add_party(deps: Dependencies, actor: Actor, party: Party, *, once: Once = Once()) -> Party:
    """The party, allowed."""
    return _change(deps, actor, party, once, adding=True)


def remove_party(deps: Dependencies, actor: Actor, party: Party, *, once: Once = Once()) -> Party:
    """The party, no longer allowed."""
    return _change(deps, actor, party, once, adding=False)


def named_app(deps: Dependencies, actor: Actor, named: str | None) -> str:
    """The app that the party belongs to: the one that is named, or the only one."""
    return choose(deps, actor, named, param=APP_PARAM).appid


def _change(deps: Dependencies, actor: Actor, party: Party, once: Once, *, adding: bool) -> Party:
    provider = _provider(deps, actor, party)
    fault = provider.party_fault(party) if adding else None
    if fault is not None:
        raise InvalidRequest(f"{fault.param}: {fault.message}", code=fault.code, param=fault.param)
    deps.store.write(lambda unit: claim(unit, deps, once, object_id=None))
    try:
        refused = deps.transport.send(provider.add_party(party) if adding else provider.remove_party(party))
        if refused is not None:
            raise InvalidRequest(refused.message, code=refused.code, param="account")
    except Rejected:
        raise
    except Exception:
        # Nobody knows whether it was done, and doing it again changes nothing: the same request may come again.
        with suppress(Exception):
            let_go(deps, once)
        raise
    return party


def _provider(deps: Dependencies, actor: Actor, party: Party) -> SharesProfit:
    app = choose(deps, actor, party.app, param=APP_PARAM)
    provider = deps.providers.of(app.provider, app.merchant)
    if not shares_profit(provider):
        raise InvalidRequest(
            "The app's merchant number cannot share profits.", code="profit_sharing_not_available", param=APP_PARAM
        )
    return provider

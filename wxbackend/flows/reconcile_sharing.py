"""Look at a sharing or a return that has not ended: send it again with its one number, or ask what became of it."""

from __future__ import annotations

import structlog

from wxbackend.domain.errors import NotConfigured
from wxbackend.domain.profit_sharing import RETURN_UNSENT, SHARING_UNSENT, ProfitSharing, SharingReturn
from wxbackend.flows import ask_sharing, settle_sharing
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.profit_sharing import SharesProfit, shares_profit
from wxbackend.ports.store import Poll, Unit


def claim_sharing_looks(deps: Dependencies, *, at_most: int) -> list[Poll]:
    """Those that are due, leased to this worker."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return list(
        deps.store.write(lambda unit: unit.sharing_looks.claim(now_ms=now_ms, lease_ms=lease_ms, limit=at_most))
    )


def claim_sharing_look(deps: Dependencies, item: int) -> Poll | None:
    """This one, leased to this worker, if it is due and nobody else has it."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return deps.store.write(lambda unit: unit.sharing_looks.take(item, now_ms=now_ms, lease_ms=lease_ms))


def reconcile_sharing(deps: Dependencies, poll: Poll) -> None:
    """Look at one and settle what the provider says."""
    found = deps.store.read(lambda unit: _find(unit, poll.item))
    if found is None or not found.is_unresolved():
        deps.store.write(lambda unit: unit.sharing_looks.unschedule(poll.item))
        return
    provider = deps.providers.of(found.provider, found.merchant)
    if not shares_profit(provider):
        structlog.get_logger("sharings").error(
            "merchant_not_configured", provider=found.provider, merchant=found.merchant
        )
        raise NotConfigured(found.merchant)
    if isinstance(found, ProfitSharing):
        _look_at_sharing(deps, provider, found, poll)
    else:
        _look_at_return(deps, provider, found, poll)


def _find(unit: Unit, item: int) -> ProfitSharing | SharingReturn | None:
    return unit.profit_sharings.find(item) or unit.sharing_returns.find(item)


def _look_at_sharing(deps: Dependencies, provider: SharesProfit, sharing: ProfitSharing, poll: Poll) -> None:
    if sharing.state in SHARING_UNSENT:
        now_ms = deps.surroundings.now_ms()
        sent = deps.store.write(lambda unit: settle_sharing.resend(unit, deps, poll.item, now_ms=now_ms))
        if sent is None:
            return
        said = ask_sharing.send(deps, provider, sent)
    else:
        said = ask_sharing.query(deps, provider, sharing)
    looks = poll.tries + 1
    after = deps.store.write(lambda unit: settle_sharing.settle_sharing(unit, deps, poll.item, said, looks=looks))
    log = structlog.get_logger("sharings")
    log.info("sharing_looked_at", sharing_id=poll.item, said=type(said).__name__, now=after.state.value)


def _look_at_return(deps: Dependencies, provider: SharesProfit, returned: SharingReturn, poll: Poll) -> None:
    if returned.state in RETURN_UNSENT:
        now_ms = deps.surroundings.now_ms()
        sent = deps.store.write(lambda unit: settle_sharing.resend_return(unit, deps, poll.item, now_ms=now_ms))
        if sent is None:
            return
        said = ask_sharing.send_return(deps, provider, sent)
    else:
        said = ask_sharing.query_return(deps, provider, returned)
    looks = poll.tries + 1
    after = deps.store.write(lambda unit: settle_sharing.settle_return(unit, deps, poll.item, said, looks=looks))
    log = structlog.get_logger("sharings")
    log.info("return_looked_at", return_id=poll.item, said=type(said).__name__, now=after.state.value)

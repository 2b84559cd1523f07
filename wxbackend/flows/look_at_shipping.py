"""Look at a shipping that is due: tell it again as it is, or ask WeChat what it knows of it."""

from __future__ import annotations

import structlog

from wxbackend.domain import shipping_lifecycle
from wxbackend.domain.errors import NotConfigured
from wxbackend.domain.shipping import BEING_TOLD, FINAL, Shipping, ShippingState
from wxbackend.domain.shipping_lifecycle import ShippingObservation, Taken
from wxbackend.flows import settle_shipping
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import App
from wxbackend.ports.store import Poll


def claim_shipping_looks(deps: Dependencies, *, at_most: int) -> list[Poll]:
    """Shippings that are due, leased to this worker."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return list(deps.store.write(lambda unit: unit.shippings.claim(now_ms=now_ms, lease_ms=lease_ms, limit=at_most)))


def claim_shipping_look(deps: Dependencies, shipping_id: int) -> Poll | None:
    """This shipping, leased to this worker, if it is due and nobody else has it."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return deps.store.write(lambda unit: unit.shippings.take(shipping_id, now_ms=now_ms, lease_ms=lease_ms))


def look_at_shipping(deps: Dependencies, poll: Poll) -> None:
    """Look at one and settle what WeChat says."""
    log = structlog.get_logger("shippings")
    shipping = deps.store.read(lambda unit: unit.shippings.find(poll.item))
    if shipping is None or shipping.state in FINAL:
        deps.store.write(lambda unit: unit.shippings.unschedule(poll.item))
        return
    app = deps.accounts.app(shipping.app)
    if app is None:
        log.error("app_not_configured", appid=shipping.app)
        raise NotConfigured(shipping.app)
    said = _listen(deps, app, shipping)
    after = deps.store.write(
        lambda unit: settle_shipping.settle_shipping(unit, deps, poll.item, said, looks=poll.tries + 1)
    )
    log.info("shipping_looked_at", shipping_id=poll.item, said=type(said).__name__, now=after.state.value)


def _listen(deps: Dependencies, app: App, shipping: Shipping) -> ShippingObservation:
    """Tell what was surely not told; of everything else WeChat's record is asked for.

    A telling that a process died over may have arrived: it is recorded and no more, so it is asked about first. What
    is not there is told again with the same words, which WeChat knows if they come twice.
    """
    orders = deps.identity.orders
    telling = shipping.telling
    if telling is None or shipping.state not in BEING_TOLD:
        return orders.ask(app, shipping)
    if shipping.state is ShippingState.LATER:
        return orders.tell(app, shipping)
    seen = orders.ask(app, shipping)
    if shipping_lifecycle.is_there(shipping, seen):
        return Taken(telling.complete)
    if shipping.state is ShippingState.UNCERTAIN or not shipping_lifecycle.is_open(seen):
        return seen
    return orders.tell(app, shipping)

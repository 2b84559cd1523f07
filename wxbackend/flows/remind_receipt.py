"""Ask WeChat to remind the buyer to confirm the receipt; WeChat does so once for each payment."""

from __future__ import annotations

from wxbackend.domain.errors import Conflict, CoordinationAway, ProviderError
from wxbackend.domain.shipping import Shipping, ShippingState
from wxbackend.flows import settle_shipping
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_shipping import find_shipping
from wxbackend.flows.once import Once, claim, let_go
from wxbackend.ports.accounts import Actor


def remind_receipt(
    deps: Dependencies, actor: Actor, intent_id: int, *, received_ms: int | None, once: Once = Once()
) -> Shipping:
    """The shipping with the time of its reminder. Without an answer nothing is noted, and it may be asked for again."""
    shipping = find_shipping(deps, actor, intent_id)
    deps.store.write(lambda unit: claim(unit, deps, once, object_id=intent_id))
    if shipping.reminded_ms is not None:
        raise Conflict("The buyer was reminded already; WeChat does so once.", code="reminder_used")
    if shipping.state is not ShippingState.SHIPPED:
        raise Conflict(
            "Only a buyer whose order is shipped, and not yet received, can be reminded.", code="reminder_refused"
        )
    app = deps.accounts.app(shipping.app)
    if app is None:
        raise Conflict("The app of this payment left the settings.", code="app_misconfigured")
    now_ms = deps.surroundings.now_ms()
    try:
        deps.identity.orders.remind(app, shipping, received_ms=now_ms if received_ms is None else received_ms)
    except (ProviderError, CoordinationAway):
        let_go(deps, once)
        raise
    return deps.store.write(lambda unit: settle_shipping.note_reminder(unit, deps, shipping.id))

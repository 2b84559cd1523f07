"""Tell WeChat what was shipped: record it, commit, tell, settle. Repeated it is the same telling, for ever."""

from __future__ import annotations

from wxbackend.domain import shipping_lifecycle
from wxbackend.domain.errors import Conflict
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.shipping import Shipping, Telling, check_telling
from wxbackend.flows import settle_shipping
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_intent import load
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def upload_shipping(
    deps: Dependencies, actor: Actor, intent_id: int, telling: Telling, *, once: Once = Once()
) -> Shipping:
    """The shipping, `shipped` or `partly_shipped` when WeChat took it, `pending` while that is not known."""
    check_telling(telling)

    def record(unit: Unit) -> Shipping:
        intent = load(unit, actor, intent_id, lock=True)
        claim(unit, deps, once, object_id=intent_id)
        was = unit.shippings.of_intent(intent.id) or _begin(unit, deps, intent)
        told = shipping_lifecycle.tell(was, telling, now_ms=deps.surroundings.now_ms())
        return settle_shipping.keep_telling(unit, deps, was, told)

    shipping = deps.store.write(record)
    app = deps.accounts.app(shipping.app)
    assert app is not None, "it was there when the telling was recorded"
    said = deps.identity.orders.tell(app, shipping)
    return deps.store.write(lambda unit: settle_shipping.settle_shipping(unit, deps, shipping.id, said, looks=0))


def _begin(unit: Unit, deps: Dependencies, intent: PaymentIntent) -> Shipping:
    """A payment that arrived before its app was watched."""
    attempt = unit.attempts.find(intent.attempt_id) if intent.attempt_id is not None else None
    if intent.status is not IntentStatus.SUCCEEDED or attempt is None:
        raise Conflict(
            f"This PaymentIntent is {intent.status.value}; only what was paid is shipped.", code="shipping_not_paid"
        )
    begun = settle_shipping.begin(unit, deps, intent, attempt)
    if begun is None:
        raise Conflict(
            "WeChat does not wait for the shipping of this payment: it is for mini programs whose app has "
            "order_shipping in the settings.",
            code="shipping_not_needed",
        )
    return begun

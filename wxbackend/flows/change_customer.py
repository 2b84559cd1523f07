"""Create a customer, or change what one says, within the key's account and mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wxbackend.domain import mandate_representation
from wxbackend.domain.customer import APPS_MAX, Customer
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.event import EventType
from wxbackend.flows import announce
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_customer import allowed
from wxbackend.flows.once import Once, claim
from wxbackend.flows.update_intent import merged_metadata
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class CustomerWish:
    """What to set: `texts` are columns by name, None unsets; an empty openid or metadata value unsets its name."""

    texts: Mapping[str, str | None] = field(default_factory=dict)
    payers: Mapping[str, str] | None = None
    metadata: Mapping[str, str] | None = None


def create_customer(deps: Dependencies, actor: Actor, wish: CustomerWish, *, once: Once = Once()) -> Customer:
    """A new customer."""
    made = Customer(
        id=deps.surroundings.new_id(),
        account=actor.account,
        livemode=actor.livemode,
        created_ms=deps.surroundings.now_ms(),
    )
    customer = _changed(deps, actor, made, wish)

    def work(unit: Unit) -> Customer:
        claim(unit, deps, once, object_id=customer.id)
        unit.customers.insert(customer)
        _announce(unit, deps, customer, EventType.CUSTOMER_CREATED)
        return customer

    return deps.store.write(work)


def update_customer(
    deps: Dependencies, actor: Actor, customer_id: int, wish: CustomerWish, *, once: Once = Once()
) -> Customer:
    """Change what a customer says."""

    def work(unit: Unit) -> Customer:
        was = allowed(unit.customers.lock(customer_id), actor, customer_id, param="id")
        claim(unit, deps, once, object_id=was.id)
        changed = _changed(deps, actor, was, wish)
        if changed == was:
            return was
        unit.customers.save(changed, was=was)
        _announce(unit, deps, changed, EventType.CUSTOMER_UPDATED)
        return changed

    return deps.store.write(work)


def _changed(deps: Dependencies, actor: Actor, customer: Customer, wish: CustomerWish) -> Customer:
    return replace(
        customer,
        merchant_user_id=wish.texts.get("merchant_user_id", customer.merchant_user_id),
        description=wish.texts.get("description", customer.description),
        payers=_merged_payers(deps, actor, customer.payers, wish.payers),
        metadata=merged_metadata(customer.metadata, wish.metadata),
    )


def _merged_payers(
    deps: Dependencies, actor: Actor, present: Mapping[str, str], change: Mapping[str, str] | None
) -> Mapping[str, str]:
    if not change:
        return present
    known = {app.appid for app in deps.accounts.apps(actor.account, livemode=actor.livemode)}
    for app in change:
        if app not in known:
            raise InvalidRequest(
                f"{app[:40]!r} is not an app of this account in this mode.",
                code="parameter_invalid",
                param=f"openids[{app[:40]}]",
            )
    merged = {app: payer for app, payer in (dict(present) | dict(change)).items() if payer}
    if len(merged) > APPS_MAX:
        raise InvalidRequest(
            f"A customer has openids in {APPS_MAX} apps at the most.", code="parameter_too_long", param="openids"
        )
    return merged


def _announce(unit: Unit, deps: Dependencies, customer: Customer, kind: EventType) -> None:
    subject = mandate_representation.customer(customer)
    announce.emit(unit, deps, kind, customer.id, subject, account=customer.account, livemode=customer.livemode)

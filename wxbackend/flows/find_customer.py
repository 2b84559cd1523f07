"""Read customers: one, or a page of them, always within the key's account and mode."""

from __future__ import annotations

from collections.abc import Sequence

from wxbackend.domain import ids
from wxbackend.domain.customer import Customer
from wxbackend.domain.errors import NotFound
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Page, Unit


def find_customer(deps: Dependencies, actor: Actor, customer_id: int) -> Customer:
    """The customer."""
    return deps.store.read(lambda unit: load_customer(unit, actor, customer_id, param="id"))


def load_customer(unit: Unit, actor: Actor, customer_id: int, *, param: str) -> Customer:
    """The customer, if the key may see it."""
    return allowed(unit.customers.find(customer_id), actor, customer_id, param=param)


def list_customers(
    deps: Dependencies, actor: Actor, page: Page, *, merchant_user_id: str | None
) -> tuple[Sequence[Customer], bool]:
    """A page, newest first, and whether there are more in that direction."""
    found = deps.store.read(
        lambda unit: unit.customers.page(
            actor.account, livemode=actor.livemode, page=page, merchant_user_id=merchant_user_id
        )
    )
    return page.cut(found)


def allowed(customer: Customer | None, actor: Actor, customer_id: int, *, param: str) -> Customer:
    """The customer again, if there is one and the key may see it."""
    if customer is None or customer.account != actor.account or customer.livemode != actor.livemode:
        raise NotFound(
            f"No such customer: {ids.render(ids.CUSTOMER, customer_id)}.", code="resource_missing", param=param
        )
    return customer

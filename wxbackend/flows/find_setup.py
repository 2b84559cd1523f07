"""Read SetupIntents, Mandates and PaymentMethods, always within the key's account and mode."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from wxbackend.domain import ids, mandate_representation
from wxbackend.domain.errors import InvalidRequest, NotFound
from wxbackend.domain.mandate import Mandate
from wxbackend.domain.setup import SetupIntent
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_customer import load_customer
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import Page, Unit


def load_setup(
    unit: Unit, actor: Actor, setup_id: int, *, client_secret: str | None = None, lock: bool = False
) -> SetupIntent:
    """The SetupIntent, if the key may see it. A publishable key needs its client secret."""
    setup = unit.setups.lock(setup_id) if lock else unit.setups.find(setup_id)
    if setup is None or setup.account != actor.account or setup.livemode != actor.livemode:
        raise NotFound(f"No such setup_intent: {ids.render(ids.SETUP, setup_id)}.", code="resource_missing", param="id")
    if actor.kind is not KeyKind.PUBLISHABLE:
        return setup
    if not client_secret:
        raise InvalidRequest(
            "A publishable key needs the SetupIntent's client_secret (header Client-Secret).",
            code="parameter_missing",
            param="client_secret",
        )
    if not hmac.compare_digest(client_secret.encode(), setup.client_secret.encode()):
        raise InvalidRequest(
            "The client_secret does not belong to this SetupIntent.", code="parameter_invalid", param="client_secret"
        )
    return setup


def mandate_of(unit: Unit, setup: SetupIntent, *, lock: bool = False) -> Mandate | None:
    """The SetupIntent's present mandate."""
    if setup.mandate_id is None:
        return None
    return unit.mandates.lock(setup.mandate_id) if lock else unit.mandates.find(setup.mandate_id)


def find_setup(
    deps: Dependencies, actor: Actor, setup_id: int, *, client_secret: str | None = None
) -> tuple[SetupIntent, Mandate | None]:
    """The SetupIntent and its mandate."""

    def look(unit: Unit) -> tuple[SetupIntent, Mandate | None]:
        setup = load_setup(unit, actor, setup_id, client_secret=client_secret)
        return setup, mandate_of(unit, setup)

    return deps.store.read(look)


def find_setup_by_owner(deps: Dependencies, setup_id: int) -> tuple[SetupIntent, Mandate | None]:
    """The SetupIntent that an idempotency key of its owner points to, so the key needs no second check."""

    def look(unit: Unit) -> tuple[SetupIntent, Mandate | None]:
        setup = unit.setups.find(setup_id)
        assert setup is not None, "an idempotency key is claimed in the unit that stores its object"
        return setup, mandate_of(unit, setup)

    return deps.store.read(look)


def list_setups(
    deps: Dependencies, actor: Actor, page: Page, *, customer_id: int | None
) -> tuple[Sequence[tuple[SetupIntent, Mandate | None]], bool]:
    """A page, newest first, and whether there are more in that direction."""
    found = deps.store.read(
        lambda unit: unit.setups.page(actor.account, livemode=actor.livemode, page=page, customer_id=customer_id)
    )
    return page.cut(found)


def find_mandate(deps: Dependencies, actor: Actor, mandate_id: int) -> Mandate:
    """The mandate."""
    name = ids.render(ids.MANDATE, mandate_id)
    return deps.store.read(lambda unit: allowed(unit.mandates.find(mandate_id), actor, name))


def find_method(deps: Dependencies, actor: Actor, method_id: int) -> Mandate:
    """The mandate behind a payment method that was signed for."""
    return deps.store.read(lambda unit: load_method(unit, actor, method_id))


def load_method(unit: Unit, actor: Actor, method_id: int, *, param: str = "id", lock: bool = False) -> Mandate:
    """The same inside a unit; locked, nobody ends it meanwhile."""
    found = unit.mandates.lock_by_method(method_id) if lock else unit.mandates.find_by_method(method_id)
    name = ids.render(ids.PAYMENT_METHOD, method_id)
    mandate = allowed(found, actor, name, kind="payment_method", param=param)
    if not mandate_representation.is_method(mandate):
        raise _missing(name, kind="payment_method", param=param)
    return mandate


def list_methods(
    deps: Dependencies, actor: Actor, customer_id: int, page: Page, *, param: str
) -> tuple[Sequence[Mandate], bool]:
    """A page of what can be charged of a customer."""

    def look(unit: Unit) -> Sequence[Mandate]:
        load_customer(unit, actor, customer_id, param=param)
        return unit.mandates.methods(actor.account, livemode=actor.livemode, page=page, customer_id=customer_id)

    return page.cut(deps.store.read(look))


def allowed(mandate: Mandate | None, actor: Actor, name: str, *, kind: str = "mandate", param: str = "id") -> Mandate:
    """The mandate again, if there is one and the key may see it."""
    if mandate is None or mandate.account != actor.account or mandate.livemode != actor.livemode:
        raise _missing(name, kind=kind, param=param)
    return mandate


def _missing(name: str, *, kind: str, param: str) -> NotFound:
    return NotFound(f"No such {kind}: {name}.", code="resource_missing", param=param)

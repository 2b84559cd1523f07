"""Create a SetupIntent, and confirm it in the same breath when asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wxbackend.domain import ids, mandate_lifecycle
from wxbackend.domain.intent import PaymentMethod
from wxbackend.domain.setup import SetupIntent, SetupStatus
from wxbackend.flows import settle_mandate
from wxbackend.flows.confirm_setup import ConfirmSetup, SetupPlan, ShownSetup, carry_out, keep_if_done, plan
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_customer import load_customer
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class CreateSetup:
    """What the merchant's server asks for."""

    customer_id: int
    description: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    method: PaymentMethod | None = None
    confirm: bool = False


def create_setup(deps: Dependencies, actor: Actor, command: CreateSetup, *, once: Once = Once()) -> ShownSetup:
    """Create it; with `confirm` the answer already says where the buyer signs."""
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    setup = SetupIntent(
        id=number,
        account=actor.account,
        livemode=actor.livemode,
        created_ms=now_ms,
        customer_id=command.customer_id,
        status=SetupStatus.REQUIRES_PAYMENT_METHOD,
        client_secret=f"{ids.render(ids.SETUP, number)}_secret_{deps.surroundings.token()}",
        description=command.description,
        return_url=command.return_url,
        metadata=command.metadata,
        payment_method=command.method,
    )
    confirm = ConfirmSetup(method=command.method)

    def work(unit: Unit) -> SetupPlan:
        load_customer(unit, actor, command.customer_id, param="customer")
        claim(unit, deps, once, object_id=setup.id)
        step = mandate_lifecycle.create(setup)
        settle_mandate.begin(unit, deps, step)
        decided = SetupPlan(step.setup, None, ask=False)
        if command.confirm:
            decided = plan(unit, deps, actor, step.setup, confirm)
        return keep_if_done(unit, once, decided)

    return carry_out(deps, deps.store.write(work), once=once)

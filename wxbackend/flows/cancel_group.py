"""Cancel a payment group: its order is closed upstream as a whole; its intents can be paid another way then."""

from __future__ import annotations

from wxbackend.domain.errors import Conflict
from wxbackend.domain.payment_group import GroupStatus, PaymentGroup
from wxbackend.flows import ask_group, settle_group
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_group import check
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def cancel_group(deps: Dependencies, actor: Actor, group_id: int, *, once: Once = Once()) -> PaymentGroup:
    """The group afterwards: canceled, or still as it was while the provider has not confirmed the close."""

    def ask_for_it(unit: Unit) -> PaymentGroup:
        group = check(settle_group.lock(unit, group_id), actor, group_id)
        claim(unit, deps, once, object_id=group_id)
        if group.status in (GroupStatus.SUCCEEDED, GroupStatus.CANCELED):
            raise _unexpected(f"it is {group.status.value}, which is final")
        return settle_group.give_up(unit, deps, group)

    asked = deps.store.write(ask_for_it)
    provider = ask_group.provider_of(deps, asked)
    if provider is None:
        return asked
    said = ask_group.close(deps, provider, asked)

    def work(unit: Unit) -> PaymentGroup:
        held = settle_group.lock(unit, group_id)
        assert held is not None
        return settle_group.settle_group(unit, deps, held, said, looks=0)[0]

    after = deps.store.write(work)
    if after.status is GroupStatus.SUCCEEDED:
        raise _unexpected("the buyer paid it before the order was closed")
    return after


def _unexpected(why: str) -> Conflict:
    return Conflict(f"This PaymentGroup can't be canceled: {why}.", code="payment_group_unexpected_state")

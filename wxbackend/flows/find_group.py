"""Read a payment group, always within the key's account and mode."""

from __future__ import annotations

from wxbackend.domain import ids
from wxbackend.domain.errors import NotFound
from wxbackend.domain.payment_group import Member, PaymentGroup
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def read(unit: Unit, group_id: int) -> PaymentGroup | None:
    """The group as it is stored, or None."""
    members = []
    for attempt in unit.attempts.of_group(group_id):
        intent = unit.intents.find(attempt.intent_id)
        assert intent is not None, "an attempt belongs to an intent"
        members.append(Member(intent, attempt))
    return PaymentGroup(group_id, tuple(members)) if members else None


def check(group: PaymentGroup | None, actor: Actor, group_id: int) -> PaymentGroup:
    """The group again, if there is one and the key may see it."""
    name = ids.render(ids.GROUP, group_id)
    if group is None or group.first.account != actor.account:
        raise NotFound(f"No such payment_group: {name}.", code="resource_missing", param="id")
    if group.first.livemode != actor.livemode:
        theirs, yours = ("live", "test") if group.first.livemode else ("test", "live")
        raise NotFound(
            f"No such payment_group: {name}; it exists in {theirs} mode, but the key is a {yours} mode key.",
            code="livemode_mismatch",
            param="id",
        )
    return group


def find_group(deps: Dependencies, actor: Actor, group_id: int) -> PaymentGroup:
    """One group, with what its members are now."""
    return check(deps.store.read(lambda unit: read(unit, group_id)), actor, group_id)

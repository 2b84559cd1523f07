"""A combined order's members, always all at once: read under their locks, told, given up, and looked at as one.

What a provider said goes through the same door as any order's, once for each member and in one unit. Only one member
is planned to be looked at, since a look at one is a look at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from wxbackend.domain import ids, lifecycle
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.payment_group import GroupObservation, Member, PaymentGroup, number_of, of_member
from wxbackend.flows import settle
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Unit


def lock(unit: Unit, group_id: int) -> PaymentGroup | None:
    """The group with all its members, kept from others until the unit ends; None when there is none.

    Whoever locks several intents does it in the order of their numbers, so that no two wait for each other.
    """
    known = unit.attempts.of_group(group_id)
    held: dict[int, Member] = {}
    for attempt in sorted(known, key=lambda each: each.intent_id):
        locked = unit.intents.lock_of(attempt.id)
        assert locked is not None, "an attempt never goes away"
        held[attempt.id] = Member(*locked)
    return PaymentGroup(group_id, tuple(held[attempt.id] for attempt in known)) if known else None


def find_by_number(unit: Unit, provider: str, merchant: str, number: str) -> PaymentGroup | None:
    """The group whose combined order has that number at a provider, locked; None when it is none of ours."""
    if not number.isascii() or not number.isdigit() or len(number) > ids.DIGITS or int(number) > ids.NUMBER_MAX:
        return None
    known = unit.attempts.of_group(int(number)) if number == number_of(int(number)) else ()
    if not known or (known[0].provider, known[0].merchant) != (provider, merchant):
        return None
    return lock(unit, int(number))


def settle_group(
    unit: Unit, deps: Dependencies, group: PaymentGroup, said: GroupObservation, *, looks: int | None = None
) -> tuple[PaymentGroup, Sequence[Step]]:
    """The group after the observation, and each member's step; `looks` is as in `settle`. The group is locked."""
    steps = [
        settle.settle_locked(unit, deps, each.intent, each.attempt, of_member(said, each.attempt), looks=looks)
        for each in group.members
    ]
    moved = {
        step.attempt.id
        for step, each in zip(steps, group.members, strict=True)
        if step.attempt is not None and (looks is not None or step.attempt.state is not each.attempt.state)
    }
    left = _look_at_one(unit, [step for step in steps if step.discrepancy is None], moved)
    if left is not None and moved:  # the one that was to be looked at may be among those that are done
        unit.attempts.schedule(left, due_ms=deps.surroundings.now_ms(), tries=0)
    return _after(group, steps), steps


def give_up(unit: Unit, deps: Dependencies, group: PaymentGroup) -> PaymentGroup:
    """The order is to be closed as the merchant wishes: the intents wait to be paid another way."""
    steps = []
    for each in group.members:
        wanted = each.intent.attempt_id == each.attempt.id and each.intent.cancel_requested_ms is None
        if wanted and each.attempt.is_unresolved() and each.attempt.state is not AttemptState.CLOSING:
            step = lifecycle.give_up_attempt(each.intent, each.attempt)
        else:
            step = lifecycle.expire_attempt(each.intent, each.attempt)
        steps.append(_keep(unit, deps, each, step))
    return _closing(unit, group, steps)


def expire(unit: Unit, deps: Dependencies, group: PaymentGroup) -> PaymentGroup:
    """The order is to be closed because its time is over, or because one of its members may not be paid any more."""
    steps = [_keep(unit, deps, each, lifecycle.expire_attempt(each.intent, each.attempt)) for each in group.members]
    return _closing(unit, group, steps)


def resend(unit: Unit, deps: Dependencies, group_id: int, *, now_ms: int) -> PaymentGroup | None:
    """Note that the same order is sent again; None when something was heard of it since it was read."""
    group = lock(unit, group_id)
    assert group is not None
    unheard = (AttemptState.RECORDED, AttemptState.UNCERTAIN, AttemptState.OPEN)
    if any(each.attempt.state not in unheard for each in group.members):
        return None
    members = []
    for each in group.members:
        sent = settle.resend(unit, deps, each.attempt.id, now_ms=now_ms)
        assert sent is not None, "its intent is locked"
        members.append(Member(each.intent, sent))
    for each in members[1:]:
        unit.attempts.unschedule(each.attempt.id)
    return PaymentGroup(group_id, tuple(members))


def look_soon(unit: Unit, deps: Dependencies, group_id: int) -> None:
    """Look at the group at once: something was heard of one member alone."""
    left = next((each for each in unit.attempts.of_group(group_id) if each.is_unresolved()), None)
    if left is not None:
        unit.attempts.schedule(left.id, due_ms=deps.surroundings.now_ms(), tries=0)


def look_at_first(unit: Unit, steps: Sequence[Step]) -> None:
    """Of members that were all planned to be looked at, keep the first."""
    _look_at_one(unit, steps, {step.attempt.id for step in steps if step.attempt is not None})


def _keep(unit: Unit, deps: Dependencies, member: Member, step: Step) -> Step:
    if step.intent == member.intent and step.attempt == member.attempt:
        return step
    return settle.keep(unit, deps, step, was=member.intent, acting=True)


def _closing(unit: Unit, group: PaymentGroup, steps: Sequence[Step]) -> PaymentGroup:
    look_at_first(unit, steps)
    return _after(group, steps)


def _look_at_one(unit: Unit, steps: Sequence[Step], planned: set[int]) -> int | None:
    """Keep the first look if it was planned just now, and drop the others; else the one that nobody has planned."""
    left = [step.attempt.id for step in steps if step.attempt is not None and step.attempt.is_unresolved()]
    if not left:
        return None
    if left[0] not in planned:
        return left[0]
    for attempt_id in left[1:]:
        unit.attempts.unschedule(attempt_id)
    return None


def _after(group: PaymentGroup, steps: Sequence[Step]) -> PaymentGroup:
    members = []
    for step in steps:
        assert step.attempt is not None
        members.append(Member(step.intent, step.attempt))
    return PaymentGroup(group.id, tuple(members))

"""Ask the provider about a combined order that is still open: one look for all of its members."""

from __future__ import annotations

import structlog

from wxbackend.domain.attempt import UNRESOLVED, AttemptState
from wxbackend.domain.errors import NotConfigured
from wxbackend.domain.payment_group import GroupObservation, PaymentGroup
from wxbackend.flows import ask_group, settle_group
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_group import read
from wxbackend.ports.combined import Combines
from wxbackend.ports.store import Poll, Unit


def reconcile_group(deps: Dependencies, group_id: int, poll: Poll) -> None:
    """Look once: repeat the order, query it or close it, and settle what the provider says."""
    group = deps.store.read(lambda unit: read(unit, group_id))
    assert group is not None, "an attempt names it"
    provider = ask_group.provider_of(deps, group)
    if provider is None:
        structlog.get_logger("reconciliation").error(
            "merchant_not_configured", provider=group.first.provider, merchant=group.first.merchant
        )
        raise NotConfigured(group.first.merchant)
    said = _look(deps, provider, group)
    if said is None:
        return
    states = _states(group)

    def work(unit: Unit) -> PaymentGroup:
        held = settle_group.lock(unit, group_id)
        assert held is not None
        looks = poll.tries + 1 if _states(held) == states else 0  # given up by this look: new pauses begin
        return settle_group.settle_group(unit, deps, held, said, looks=looks)[0]

    after = deps.store.write(work)
    structlog.get_logger("reconciliation").info(
        "group_looked_at",
        group=group_id,
        said=type(said).__name__,
        now=after.status.value,
        looks=poll.tries + 1,
    )


def _look(deps: Dependencies, provider: Combines, group: PaymentGroup) -> GroupObservation | None:
    """What the provider says; None when something was heard of the order before anything was sent."""
    now_ms, states = deps.surroundings.now_ms(), _states(group)
    overdue = now_ms >= group.first.expires_ms
    if AttemptState.CLOSING in states:
        return _end(deps, provider, group.id)
    unheard = {AttemptState.RECORDED, AttemptState.UNCERTAIN}
    if not overdue and unheard & set(states) and set(states) <= UNRESOLVED:
        # Nobody saw the answer to this order: the same number again gives it, and never a second order.
        sent = deps.store.write(lambda unit: settle_group.resend(unit, deps, group.id, now_ms=now_ms))
        return ask_group.order(deps, provider, sent) if sent is not None else None
    said = ask_group.query(deps, provider, group)
    if not overdue or ask_group.is_over(said):
        return said
    # Its time is over and it is not paid: query first, then close there, then here.
    return _end(deps, provider, group.id)


def _end(deps: Dependencies, provider: Combines, group_id: int) -> GroupObservation:
    """One member that may not be paid any more ends the whole order: there is no closing a part."""

    def work(unit: Unit) -> PaymentGroup:
        held = settle_group.lock(unit, group_id)
        assert held is not None
        return settle_group.expire(unit, deps, held)

    return ask_group.close(deps, provider, deps.store.write(work))


def _states(group: PaymentGroup) -> tuple[AttemptState, ...]:
    return tuple(each.attempt.state for each in group.members)

"""Ask the provider about an attempt that is still open, so that a lost notice costs seconds, not the sale."""

from __future__ import annotations

import structlog

from wxbackend.domain import lifecycle
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import NotConfigured
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.observation import Closed, Observation, Paid
from wxbackend.domain.terminal import Terminal
from wxbackend.flows import ask_provider, charge_mandate, settle
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.end_order import end_order
from wxbackend.flows.reconcile_group import reconcile_group
from wxbackend.ports.provider import Provider
from wxbackend.ports.store import Poll, Unit


def claim_looks(deps: Dependencies, *, at_most: int) -> list[Poll]:
    """Attempts that are due, leased to this worker."""
    now_ms = deps.surroundings.now_ms()
    return list(
        deps.store.write(lambda unit: unit.attempts.claim(now_ms=now_ms, lease_ms=deps.policy.lease_ms, limit=at_most))
    )


def claim_look(deps: Dependencies, attempt_id: int) -> Poll | None:
    """This attempt, leased to this worker, if it is due and nobody else has it."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return deps.store.write(lambda unit: unit.attempts.take(attempt_id, now_ms=now_ms, lease_ms=lease_ms))


def reconcile_intent(deps: Dependencies, poll: Poll) -> None:
    """Look at one attempt: repeat its order, query it or close it, and settle what the provider says."""
    attempt = deps.store.read(lambda unit: unit.attempts.find(poll.item))
    if attempt is None or not attempt.is_unresolved():
        deps.store.write(lambda unit: _leave_alone(unit, poll.item))
        return
    if attempt.group_id is not None:
        reconcile_group(deps, attempt.group_id, poll)
        return
    provider = ask_provider.provider_of(deps, attempt)
    if provider is None:
        structlog.get_logger("reconciliation").error(
            "merchant_not_configured", provider=attempt.provider, merchant=attempt.merchant
        )
        raise NotConfigured(attempt.merchant)
    said = _look(deps, provider, attempt)
    if said is None:
        return
    step = deps.store.write(lambda unit: _settle(unit, deps, attempt, said, looks=poll.tries + 1))
    structlog.get_logger("reconciliation").info(
        "attempt_looked_at",
        out_trade_no=attempt.out_trade_no,
        was=attempt.state.value,
        said=type(said).__name__,
        now=step.attempt.state.value if step.attempt else None,
        looks=poll.tries + 1,
    )


def _look(deps: Dependencies, provider: Provider, attempt: Attempt) -> Observation | None:
    """What the provider says; None when something was heard of the attempt before anything was sent."""
    if attempt.is_debit():
        return charge_mandate.look(deps, attempt)
    now_ms = deps.surroundings.now_ms()
    overdue = now_ms >= attempt.expires_ms
    if attempt.state is AttemptState.CLOSING:
        return end_order(deps, provider, attempt)
    by_code = attempt.terminal is Terminal.SCAN_CODE
    if not overdue and not by_code and attempt.state is not AttemptState.OPEN:
        # Nobody saw the answer to this order: the same number again gives it, and never a second order.
        sent = deps.store.write(lambda unit: settle.resend(unit, deps, attempt.id, now_ms=now_ms))
        return ask_provider.order(deps, provider, sent) if sent is not None else None
    said = ask_provider.query(deps, provider, attempt)
    if not overdue or isinstance(said, Paid | Closed):
        return said
    # Its time is over and it is not paid: query first, then close there, then here.
    deps.store.write(lambda unit: _expire(unit, deps, attempt))
    return end_order(deps, provider, attempt)


def _settle(unit: Unit, deps: Dependencies, was: Attempt, said: Observation, *, looks: int) -> Step:
    """An order that this look gave up begins the pauses of its new state: the looks before were at an open one."""
    current = unit.attempts.find(was.id)
    same = current is not None and current.state is was.state
    return settle.settle(unit, deps, was.id, said, looks=looks if same else 0, asked=was)


def _leave_alone(unit: Unit, attempt_id: int) -> None:
    """Plan no more looks, unless a late answer opened the attempt again since it was read."""
    attempt = unit.attempts.find(attempt_id)
    if attempt is None or not attempt.is_unresolved():
        unit.attempts.unschedule(attempt_id)


def _expire(unit: Unit, deps: Dependencies, attempt: Attempt) -> None:
    intent = unit.intents.lock(attempt.intent_id)
    current = unit.attempts.find(attempt.id)
    assert intent is not None
    assert current is not None
    step = lifecycle.expire_attempt(intent, current)
    settle.keep(unit, deps, step, was=intent, acting=True)

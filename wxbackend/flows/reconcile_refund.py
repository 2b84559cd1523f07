"""Look at a refund that is not final: send it when its turn comes, again with its one number, or ask about it."""

from __future__ import annotations

import structlog

from wxbackend.domain.errors import NotConfigured
from wxbackend.domain.refund import UNSENT, RefundState
from wxbackend.flows import ask_provider, settle_refund
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Poll


def claim_refund_looks(deps: Dependencies, *, at_most: int) -> list[Poll]:
    """Refunds that are due, leased to this worker."""
    now_ms = deps.surroundings.now_ms()
    return list(
        deps.store.write(lambda unit: unit.refunds.claim(now_ms=now_ms, lease_ms=deps.policy.lease_ms, limit=at_most))
    )


def claim_refund_look(deps: Dependencies, refund_id: int) -> Poll | None:
    """This refund, leased to this worker, if it is due and nobody else has it."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return deps.store.write(lambda unit: unit.refunds.take(refund_id, now_ms=now_ms, lease_ms=lease_ms))


def reconcile_refund(deps: Dependencies, poll: Poll) -> None:
    """Look at one refund and settle what the provider says."""
    log = structlog.get_logger("refunds")
    refund = deps.store.read(lambda unit: unit.refunds.find(poll.item))
    if refund is None or not refund.is_unresolved():
        deps.store.write(lambda unit: unit.refunds.unschedule(poll.item))
        return
    provider = deps.providers.of(refund.provider, refund.merchant)
    if provider is None:
        log.error("merchant_not_configured", provider=refund.provider, merchant=refund.merchant)
        raise NotConfigured(refund.merchant)
    if refund.state is RefundState.QUEUED or refund.state in UNSENT:
        now_ms, queued = deps.surroundings.now_ms(), refund.state is RefundState.QUEUED
        prepare = settle_refund.take_turn if queued else settle_refund.resend
        sent = deps.store.write(lambda unit: prepare(unit, deps, poll.item, now_ms=now_ms))
        if sent is None:
            return
        said = ask_provider.refund(deps, provider, sent, first_time=queued)
    else:
        said = ask_provider.query_refund(deps, provider, refund)
    after = deps.store.write(
        lambda unit: settle_refund.settle_refund(unit, deps, poll.item, said, looks=poll.tries + 1)
    )
    log.info("refund_looked_at", refund_id=poll.item, said=type(said).__name__, now=after.state.value)

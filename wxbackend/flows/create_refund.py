"""Give money back: reserve it, commit, send, settle. Sent again it has the same number, for ever.

An order takes one refund a minute: another one within it is reserved and queued, and the worker sends it
when its turn comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wxbackend.domain import refund_lifecycle, sharing_lifecycle
from wxbackend.domain.errors import Conflict
from wxbackend.domain.money import Money
from wxbackend.domain.refund import Refund, RefundState
from wxbackend.flows import ask_provider, settle_refund, settle_sharing
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_intent import load
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class CreateRefund:
    """What the merchant's server asks for; `amount` None means all that remains."""

    intent_id: int
    amount: int | None = None
    reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def create_refund(deps: Dependencies, actor: Actor, command: CreateRefund, *, once: Once = Once()) -> Refund:
    """The refund, usually `pending`: it is queued, or WeChat took it and needs minutes or days for it."""
    refund = deps.store.write(lambda unit: _reserve(unit, deps, actor, command, once))
    provider = deps.providers.of(refund.provider, refund.merchant)
    if provider is None or refund.state is RefundState.QUEUED:
        return refund
    said = ask_provider.refund(deps, provider, refund, first_time=True)
    return deps.store.write(lambda unit: settle_refund.settle_refund(unit, deps, refund.id, said))


def _reserve(unit: Unit, deps: Dependencies, actor: Actor, command: CreateRefund, once: Once) -> Refund:
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    intent = load(unit, actor, command.intent_id, lock=True)
    claim(unit, deps, once, object_id=number)
    attempt = unit.attempts.find(intent.attempt_id) if intent.attempt_id else None
    made = unit.refunds.of_attempt(attempt.id) if attempt else []
    remaining = refund_lifecycle.remaining_amount(intent, made)
    amount = remaining if command.amount is None else Money(command.amount, intent.money.currency).amount
    paid_ms = attempt.paid_ms if attempt and attempt.paid_ms else now_ms
    refund_lifecycle.require_refundable(intent, amount=amount, refunds=made, paid_ms=paid_ms, now_ms=now_ms)
    if attempt is None or attempt.transaction is None:
        raise Conflict("This PaymentIntent has no payment to refund.", code="charge_not_refundable")
    if attempt.profit_sharing:
        sharing_lifecycle.require_not_shared_away(settle_sharing.order_money(unit, intent, attempt.id), amount)
    spacing_ms = deps.policy.refund_spacing_ms
    turn_ms = refund_lifecycle.turn_ms(number, made, spacing_ms=spacing_ms, now_ms=now_ms)
    refund = Refund(
        id=number,
        intent_id=intent.id,
        attempt_id=attempt.id,
        account=intent.account,
        livemode=intent.livemode,
        provider=attempt.provider,
        merchant=attempt.merchant,
        transaction=attempt.transaction,
        out_refund_no=str(number),
        money=Money(amount, intent.money.currency),
        total=attempt.money.amount,
        created_ms=now_ms,
        sent_ms=turn_ms,
        state=RefundState.QUEUED if turn_ms > now_ms else RefundState.RECORDED,
        reason=command.reason,
        metadata=command.metadata,
        app=attempt.app,
    )
    return settle_refund.begin(unit, deps, refund_lifecycle.create(refund))

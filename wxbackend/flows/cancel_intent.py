"""Cancel: the order is closed (or reversed) upstream first, and if it turns out to be paid, it stays paid."""

from __future__ import annotations

from dataclasses import dataclass

from wxbackend.domain import lifecycle
from wxbackend.domain.errors import Conflict
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.payment_group import require_alone
from wxbackend.flows import ask_provider, settle
from wxbackend.flows.confirm_intent import Shown
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.end_order import end_order
from wxbackend.flows.find_intent import load
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class Cancel:
    """Why, in the merchant's words."""

    reason: str | None = None


def cancel_intent(deps: Dependencies, actor: Actor, intent_id: int, command: Cancel, *, once: Once = Once()) -> Shown:
    """The intent afterwards: canceled, or still as it was while the provider has not confirmed the close."""

    def ask_for_it(unit: Unit) -> Shown:
        was = load(unit, actor, intent_id, lock=True)
        claim(unit, deps, once, object_id=was.id)
        attempt = unit.attempts.unresolved(was.id)
        require_alone(attempt)
        step = lifecycle.cancel(was, attempt, reason=command.reason, now_ms=deps.surroundings.now_ms())
        stored = settle.keep(unit, deps, step, was=was, acting=True)
        return Shown(stored.intent, stored.attempt)

    asked = deps.store.write(ask_for_it)
    attempt = asked.attempt
    provider = ask_provider.provider_of(deps, attempt) if attempt is not None else None
    if attempt is None or provider is None or asked.intent.is_final():
        return asked
    said = end_order(deps, provider, attempt)
    step = deps.store.write(lambda unit: settle.settle(unit, deps, attempt.id, said, looks=0, asked=attempt))
    if step.intent.status is IntentStatus.SUCCEEDED:
        raise Conflict(
            "This PaymentIntent can't be canceled: the buyer paid it before the order was closed.",
            code="payment_intent_unexpected_state",
        )
    return Shown(step.intent, step.attempt)

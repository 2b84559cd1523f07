"""Share a paid order's money, or release what remains of it: reserve under the intent's lock, commit, send, settle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wxbackend.domain import ids, sharing_lifecycle
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import Conflict, InvalidRequest, NotFound
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.money import Money
from wxbackend.domain.profit_sharing import Part, ProfitSharing, SharingReturn
from wxbackend.flows import ask_sharing, settle_sharing
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_intent import load
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.profit_sharing import shares_profit
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class CreateSharing:
    """What the merchant's server asks for; without parts it only releases what remains."""

    intent_id: int
    parts: tuple[Part, ...]
    finish: bool
    description: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreateReturn:
    """What the merchant's server asks for."""

    sharing_id: int
    party: str
    amount: int
    description: str
    metadata: Mapping[str, str] = field(default_factory=dict)


def create_sharing(deps: Dependencies, actor: Actor, command: CreateSharing, *, once: Once = Once()) -> ProfitSharing:
    """The sharing, usually `processing`: WeChat Pay tells of each receiver later."""
    sharing = deps.store.write(lambda unit: _reserve(unit, deps, actor, command, once))
    provider = deps.providers.of(sharing.provider, sharing.merchant)
    if not shares_profit(provider):
        return sharing
    said = ask_sharing.send(deps, provider, sharing)
    return deps.store.write(lambda unit: settle_sharing.settle_sharing(unit, deps, sharing.id, said, looks=0))


def create_return(deps: Dependencies, actor: Actor, command: CreateReturn, *, once: Once = Once()) -> SharingReturn:
    """The return."""
    returned = deps.store.write(lambda unit: _reserve_return(unit, deps, actor, command, once))
    provider = deps.providers.of(returned.provider, returned.merchant)
    if not shares_profit(provider):
        return returned
    said = ask_sharing.send_return(deps, provider, returned)
    return deps.store.write(lambda unit: settle_sharing.settle_return(unit, deps, returned.id, said, looks=0))


def owned(sharing: ProfitSharing | None, actor: Actor, sharing_id: int, *, param: str = "id") -> ProfitSharing:
    """The sharing again, if there is one and the key may see it."""
    if sharing is None or sharing.account != actor.account or sharing.livemode != actor.livemode:
        name = ids.render(ids.SHARING, sharing_id)
        raise NotFound(f"No such profit_sharing: {name}.", code="resource_missing", param=param)
    return sharing


def _reserve(unit: Unit, deps: Dependencies, actor: Actor, command: CreateSharing, once: Once) -> ProfitSharing:
    intent = load(unit, actor, command.intent_id, lock=True)
    number = deps.surroundings.new_id()
    claim(unit, deps, once, object_id=number)
    attempt = _paid_attempt(unit, intent)
    sharing_lifecycle.require_sharable(settle_sharing.order_money(unit, intent, attempt.id), command.parts)
    sharing = _sharing(deps, intent, attempt, command, number)
    provider = deps.providers.of(sharing.provider, sharing.merchant)
    if not shares_profit(provider):
        raise InvalidRequest("The merchant number cannot share profits.", code="profit_sharing_not_available")
    fault = provider.sharing_fault(sharing)
    if fault is not None:
        raise InvalidRequest(f"{fault.param}: {fault.message}", code=fault.code, param=fault.param)
    return settle_sharing.begin(unit, deps, sharing_lifecycle.create(sharing))


def _paid_attempt(unit: Unit, intent: PaymentIntent) -> Attempt:
    attempt = unit.attempts.find(intent.attempt_id) if intent.attempt_id else None
    if intent.status is not IntentStatus.SUCCEEDED or attempt is None or attempt.transaction is None:
        raise Conflict(
            f"This PaymentIntent is {intent.status.value}; only a succeeded one can be shared.",
            code="profit_sharing_not_possible",
            param="payment_intent",
        )
    if not attempt.profit_sharing:
        raise Conflict(
            "This payment was not made to be shared: confirm with payment_method_options[wechat_pay][profit_sharing]"
            "=true, so that the money is held back.",
            code="profit_sharing_not_possible",
            param="payment_intent",
        )
    return attempt


def _sharing(
    deps: Dependencies, intent: PaymentIntent, attempt: Attempt, command: CreateSharing, number: int
) -> ProfitSharing:
    now_ms = deps.surroundings.now_ms()
    assert attempt.transaction is not None
    return ProfitSharing(
        id=number,
        intent_id=intent.id,
        attempt_id=attempt.id,
        account=intent.account,
        livemode=intent.livemode,
        provider=attempt.provider,
        merchant=attempt.merchant,
        app=attempt.app,
        transaction=attempt.transaction,
        out_order_no=str(number),
        currency=intent.money.currency,
        parts=command.parts,
        finish=command.finish,
        description=command.description,
        created_ms=now_ms,
        sent_ms=now_ms,
        metadata=command.metadata,
    )


def _reserve_return(unit: Unit, deps: Dependencies, actor: Actor, command: CreateReturn, once: Once) -> SharingReturn:
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    owned(unit.profit_sharings.find(command.sharing_id), actor, command.sharing_id, param="profit_sharing")
    sharing = settle_sharing.lock(unit, command.sharing_id)
    claim(unit, deps, once, object_id=number)
    earlier = unit.sharing_returns.of_sharings([sharing.id])
    sharing_lifecycle.require_returnable(sharing, command.party, command.amount, earlier)
    returned = SharingReturn(
        id=number,
        sharing_id=sharing.id,
        intent_id=sharing.intent_id,
        account=sharing.account,
        livemode=sharing.livemode,
        provider=sharing.provider,
        merchant=sharing.merchant,
        out_order_no=sharing.out_order_no,
        out_return_no=str(number),
        party=command.party,
        money=Money(command.amount, sharing.currency),
        description=command.description,
        created_ms=now_ms,
        sent_ms=now_ms,
        metadata=command.metadata,
    )
    return settle_sharing.begin_return(unit, deps, sharing_lifecycle.create_return(returned))

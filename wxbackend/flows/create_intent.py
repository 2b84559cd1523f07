"""Create a PaymentIntent, and confirm it in the same breath when asked: two commits around one order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wxbackend.domain import ids, lifecycle
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.intent import IntentStatus, PaymentIntent, PaymentMethod
from wxbackend.domain.money import Money
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.flows import announce, settle
from wxbackend.flows.confirm_intent import Act, Confirm, Plan, Shown, carry_out, keep_if_done, plan
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import Once, claim
from wxbackend.flows.order_limit import limit_of, require_within
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class Create:
    """What the merchant's server asks for."""

    money: Money
    description: str | None = None
    merchant_order_id: str | None = None
    merchant_user_id: str | None = None
    customer: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    method: PaymentMethod | None = None
    confirm: bool = False
    code: PaymentCode | None = None
    off_session: bool = False


def create_intent(deps: Dependencies, actor: Actor, command: Create, *, once: Once = Once()) -> Shown:
    """Create it; with `confirm` the answer already holds what the front end needs."""
    require_collectable(deps, actor, command.money)
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    intent = PaymentIntent(
        id=number,
        account=actor.account,
        livemode=actor.livemode,
        created_ms=now_ms,
        money=command.money,
        status=IntentStatus.REQUIRES_PAYMENT_METHOD,
        client_secret=f"{ids.render(ids.INTENT, number)}_secret_{deps.surroundings.token()}",
        description=command.description,
        merchant_order_id=command.merchant_order_id,
        merchant_user_id=command.merchant_user_id,
        customer=command.customer,
        return_url=command.return_url,
        metadata=command.metadata,
        payment_method=command.method,
    )
    confirm = Confirm(method=command.method, code=command.code, off_session=command.off_session)

    def work(unit: Unit) -> Plan:
        announce.expect(unit, actor.account, livemode=actor.livemode)
        claim(unit, deps, once, object_id=intent.id)
        step = lifecycle.create(intent)
        settle.begin(unit, deps, step, goes_on=command.confirm)
        decided = Plan(step.intent, None, Act.SHOW)
        if command.confirm:
            decided = plan(unit, deps, actor, step.intent, confirm, new=True)
        return keep_if_done(unit, once, decided)

    return carry_out(deps, actor, confirm, deps.store.write(work), once=once)


def require_collectable(deps: Dependencies, actor: Actor, money: Money) -> None:
    """Refuse a currency that no merchant number of the account can collect, and more than any of them takes."""
    providers = [
        deps.providers.of(app.provider, app.merchant)
        for app in deps.accounts.apps(actor.account, livemode=actor.livemode)
    ]
    currencies = {currency for provider in providers if provider for currency in provider.currencies}
    if currencies and money.currency not in currencies:
        raise InvalidRequest(
            f"This account collects {', '.join(sorted(currencies))}, not {money.currency}.",
            code="payment_method_currency_mismatch",
            param="currency",
        )
    able = [provider for provider in providers if provider and money.currency in provider.currencies]
    limits = [limit_of(provider, money.currency) for provider in able]
    known = [limit for limit in limits if limit is not None]
    if limits and len(known) == len(limits):
        require_within(max(known), money)

"""Charge a payment method without the buyer, if its mandate is in force in the unit that records the debit."""

from __future__ import annotations

from dataclasses import replace

from wxbackend.domain import ids, lifecycle, mandate_lifecycle
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import Conflict, Forbidden, InvalidRequest
from wxbackend.domain.intent import PaymentIntent, PaymentMethod
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.mandate import Mandate
from wxbackend.domain.observation import Absent, Observation
from wxbackend.flows import ask_mandate, choose_payer, settle
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_setup import load_method
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def name_method(deps: Dependencies, actor: Actor, method_id: int) -> PaymentMethod:
    """The payment method of a mandate, as an intent keeps it; whether it may be charged is asked when it is."""
    mandate = deps.store.read(lambda unit: load_method(unit, actor, method_id, param="payment_method"))
    created_ms = mandate.signed_ms or mandate.created_ms
    return PaymentMethod(mandate.method_id, mandate.method_type, created_ms, mandate_id=mandate.id)


def start(
    unit: Unit,
    deps: Dependencies,
    actor: Actor,
    intent: PaymentIntent,
    method: PaymentMethod,
    *,
    was: PaymentIntent | None,
    off_session: bool,
) -> Step:
    """Record the debit under the mandate's lock, which is taken after the intent's."""
    if not choose_payer.actor_may_name(actor):
        raise Forbidden("Only the merchant's server charges a buyer who is away.", code="secret_key_required")
    if not off_session:
        raise InvalidRequest(
            "This payment_method is charged without the buyer: say so with off_session=true.",
            code="parameter_missing",
            param="off_session",
        )
    if was is not None and unit.attempts.unresolved(was.id) is not None:
        raise Conflict(
            "An order of this PaymentIntent may still be paid. Cancel it and create another.",
            code="payment_intent_unexpected_state",
        )
    mandate = load_method(unit, actor, method.id, param="payment_method", lock=True)
    _require_customer(intent, mandate)
    mandate_lifecycle.require_chargeable(mandate)
    _require_currency(deps, intent, mandate)
    named = lifecycle.name_method(intent, method).intent
    step = lifecycle.start_attempt(named, _debit(deps, named, mandate))
    return settle.start(unit, deps, step, was=was)


def _require_customer(intent: PaymentIntent, mandate: Mandate) -> None:
    if intent.customer != ids.render(ids.CUSTOMER, mandate.customer_id):
        raise InvalidRequest(
            "Name the customer that this payment_method belongs to in customer.",
            code="parameter_missing" if intent.customer is None else "parameter_invalid",
            param="customer",
        )


def _require_currency(deps: Dependencies, intent: PaymentIntent, mandate: Mandate) -> None:
    provider = deps.providers.of(mandate.provider, mandate.merchant)
    if provider is None or deps.providers.mandates_of(mandate.provider, mandate.merchant) is None:
        raise InvalidRequest("Its merchant number is not in the settings.", code="payment_method_not_available")
    if intent.money.currency not in provider.currencies:
        raise InvalidRequest(
            f"It collects {', '.join(sorted(provider.currencies))}, not {intent.money.currency}.",
            code="payment_method_currency_mismatch",
            param="currency",
        )


def _debit(deps: Dependencies, intent: PaymentIntent, mandate: Mandate) -> Attempt:
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    return Attempt(
        id=number,
        intent_id=intent.id,
        account=intent.account,
        livemode=intent.livemode,
        provider=mandate.provider,
        merchant=mandate.merchant,
        app=mandate.app,
        terminal=mandate.terminal,
        out_trade_no=str(number),
        payer=mandate.payer,
        money=intent.money,
        description=intent.description or deps.accounts.default_description(intent.account),
        created_ms=now_ms,
        sent_ms=now_ms,
        expires_ms=now_ms + deps.policy.order_expires_after_s * 1000,
        mandate_id=mandate.id,
        mandate_handle=mandate.handle,
    )


def look(deps: Dependencies, attempt: Attempt) -> Observation | None:
    """What became of a debit; None when something was heard of it before anything was sent.

    It is asked about first. Only one that the provider does not know is sent again, under its one number, and only
    while its mandate is in force: from the commit that ends it nothing is sent any more.
    """
    provider = ask_mandate.provider_of(deps, attempt.provider, attempt.merchant)
    said = ask_mandate.query_charge(deps, provider, attempt)
    now_ms = deps.surroundings.now_ms()
    sendable = attempt.state in (AttemptState.RECORDED, AttemptState.UNCERTAIN) and now_ms < attempt.expires_ms
    if not isinstance(said, Absent) or not sendable:
        return said
    in_force, sent = deps.store.write(lambda unit: _resend(unit, deps, attempt, now_ms=now_ms))
    if not in_force:
        return said
    return ask_mandate.charge(deps, provider, sent) if sent is not None else None


def _resend(unit: Unit, deps: Dependencies, attempt: Attempt, *, now_ms: int) -> tuple[bool, Attempt | None]:
    assert attempt.mandate_id is not None
    unit.intents.lock_of(attempt.id)
    mandate = unit.mandates.lock(attempt.mandate_id)
    if mandate is None or not mandate.is_chargeable():
        return False, None
    sent = settle.resend(unit, deps, attempt.id, now_ms=now_ms)
    # Counted as sent once at least: what this call hears is then never taken for the first answer.
    return True, None if sent is None else replace(sent, state=AttemptState.UNCERTAIN)

"""Confirm a SetupIntent: record the mandate, commit, ask the provider for a page to sign on, settle.

The same payer confirming again is led to the same contract again; another payer or app makes the first one lapse,
and should it be signed all the same, it is ended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from wxbackend.domain import mandate_lifecycle
from wxbackend.domain.customer import Customer
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.intent import PaymentMethod
from wxbackend.domain.mandate import Mandate, MandateState
from wxbackend.domain.mandate_lifecycle import MandateObservation, MandateStep
from wxbackend.domain.setup import SetupIntent
from wxbackend.domain.terminal import APP_KINDS
from wxbackend.flows import ask_mandate, choose_payer, settle_mandate
from wxbackend.flows.choose_app import choose_app_of
from wxbackend.flows.choose_payer import Payer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_customer import load_customer
from wxbackend.flows.find_setup import load_setup, mandate_of
from wxbackend.flows.once import Once, claim, keep_answer
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import LoginSession, Unit

LAST_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class ConfirmSetup:
    """What the caller says: where the buyer stands (or None for what was named before), and who logged in."""

    method: PaymentMethod | None = None
    return_url: str | None = None
    session: LoginSession | None = None
    client_secret: str | None = None


@dataclass(frozen=True, slots=True)
class ShownSetup:
    """A SetupIntent and its mandate, as an answer shows them."""

    setup: SetupIntent
    mandate: Mandate | None


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """The SetupIntent as stored, and whether the provider is asked about the mandate after the unit."""

    setup: SetupIntent
    mandate: Mandate | None
    ask: bool


def confirm_setup(
    deps: Dependencies, actor: Actor, setup_id: int, command: ConfirmSetup, *, once: Once = Once()
) -> ShownSetup:
    """Confirm it; the answer says where the buyer signs, or that the provider refused."""

    def work(unit: Unit) -> SetupPlan:
        setup = load_setup(unit, actor, setup_id, client_secret=command.client_secret, lock=True)
        claim(unit, deps, once, object_id=setup.id)
        return keep_if_done(unit, once, plan(unit, deps, actor, setup, command))

    return carry_out(deps, deps.store.write(work), once=once)


def keep_if_done(unit: Unit, once: Once, decided: SetupPlan) -> SetupPlan:
    """Keep the answer when nothing is left to do after the unit."""
    if not decided.ask:
        keep_answer(unit, once, ShownSetup(decided.setup, decided.mandate))
    return decided


def plan(unit: Unit, deps: Dependencies, actor: Actor, setup: SetupIntent, command: ConfirmSetup) -> SetupPlan:
    """Decide inside the unit, and record whatever must be known before anything is sent."""
    mandate_lifecycle.require_changeable(setup)
    method = command.method or setup.payment_method
    if method is None:
        raise InvalidRequest(
            "Name a payment method: payment_method_data[type]=wechat_pay.",
            code="parameter_missing",
            param="payment_method_data",
        )
    customer = load_customer(unit, actor, setup.customer_id, param="customer")
    payer = _payer(deps, actor, method, command, customer)
    if deps.providers.mandates_of(payer.app.provider, payer.app.merchant) is None:
        raise InvalidRequest(
            "The app's merchant number has no auto-debit plan; set auto_debit.plan_id in the settings.",
            code="payment_method_not_available",
        )
    method = replace(method, openid=payer.openid, terminal=payer.terminal)
    named = mandate_lifecycle.name_method(replace(setup, return_url=command.return_url or setup.return_url), method)
    current, now_ms = mandate_of(unit, setup, lock=True), deps.surroundings.now_ms()
    if current is not None and current.is_signable():
        same = (current.payer, current.app, current.terminal) == (payer.openid, payer.app.appid, payer.terminal)
        if same and now_ms < current.expires_ms - LAST_MINUTE_MS:
            if current.state is MandateState.OPEN and now_ms < (current.presentable_until_ms or 0):
                return SetupPlan(setup, current, ask=False)
            step = MandateStep(named, replace(current, sent_ms=now_ms))
            kept = settle_mandate.keep(unit, deps, step, was=setup, held=current)
            return SetupPlan(kept.setup, kept.mandate, ask=True)
        settle_mandate.give_up(unit, deps, current)
    started = mandate_lifecycle.start(named, _mandate(deps, named, customer, payer))
    kept = settle_mandate.start(unit, deps, started, was=setup)
    return SetupPlan(kept.setup, kept.mandate, ask=True)


def _payer(deps: Dependencies, actor: Actor, method: PaymentMethod, command: ConfirmSetup, customer: Customer) -> Payer:
    """Who signs: whom the merchant names or knows as this customer, or who logged in with us."""
    now_ms = deps.surroundings.now_ms()
    if not choose_payer.actor_may_name(actor):
        payer = choose_payer.from_session(deps, actor, replace(method, openid=None), command.session, now_ms=now_ms)
    else:
        if method.terminal is not None and method.openid is None:
            app = choose_app_of(deps, actor, APP_KINDS[method.terminal], method.app, param=choose_payer.APP_PARAM)
            method = replace(method, openid=customer.payers.get(app.appid))
        payer = choose_payer.from_merchant(deps, actor, method)
    if not payer.openid:
        raise InvalidRequest("openid can't be empty.", code="parameter_invalid_empty", param=choose_payer.OPENID_PARAM)
    if customer.payers.get(payer.app.appid, payer.openid) != payer.openid:
        raise InvalidRequest(
            "This customer has another openid in this app.", code="parameter_invalid", param=choose_payer.OPENID_PARAM
        )
    return payer


def _mandate(deps: Dependencies, setup: SetupIntent, customer: Customer, payer: Payer) -> Mandate:
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    return Mandate(
        id=number,
        setup_id=setup.id,
        customer_id=customer.id,
        method_id=deps.surroundings.new_id(),
        account=setup.account,
        livemode=setup.livemode,
        provider=payer.app.provider,
        merchant=payer.app.merchant,
        app=payer.app.appid,
        terminal=payer.terminal,
        out_mandate_no=str(number),
        payer=payer.openid,
        method_type="wechat_pay",
        display_name=customer.merchant_user_id or customer.description or str(customer.id),
        created_ms=now_ms,
        sent_ms=now_ms,
        expires_ms=now_ms + deps.policy.order_expires_after_s * 1000,
    )


def carry_out(deps: Dependencies, decided: SetupPlan, *, once: Once) -> ShownSetup:
    """Ask the provider as decided, with no transaction open, and settle what it says."""
    mandate = decided.mandate
    if not decided.ask or mandate is None:
        return ShownSetup(decided.setup, mandate)
    provider = ask_mandate.provider_of(deps, mandate.provider, mandate.merchant)
    said = ask_mandate.sign(deps, provider, mandate)
    return deps.store.write(partial(_settle_and_show, deps=deps, mandate=mandate, said=said, once=once))


def _settle_and_show(
    unit: Unit, *, deps: Dependencies, mandate: Mandate, said: MandateObservation, once: Once
) -> ShownSetup:
    step = settle_mandate.settle(unit, deps, mandate.id, said, looks=0)
    current = (
        step.mandate if step.mandate and step.mandate.id == step.setup.mandate_id else mandate_of(unit, step.setup)
    )
    shown = ShownSetup(step.setup, current)
    keep_answer(unit, once, shown)
    return shown

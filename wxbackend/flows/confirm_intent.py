"""Confirm: record the attempt, commit, order at the provider, settle. Safe to repeat at any point.

The same payer confirming again is given the same order again; another payer or app makes the
first order be closed upstream before a second one is recorded, so two orders are never payable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from wxbackend.domain import lifecycle
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import Conflict, InvalidRequest
from wxbackend.domain.intent import PaymentIntent, PaymentMethod
from wxbackend.domain.observation import Observation
from wxbackend.flows import ask_provider, choose_payer, settle
from wxbackend.flows.choose_payer import Payer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_intent import load
from wxbackend.flows.once import Once, claim, keep_answer
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import LoginSession, Unit

ROUNDS_MAX = 3
"""Others may confirm at the same time; in the last round nothing is planned that nobody would carry out."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """What the caller says: how to pay (or None for what was named before), and who logged in."""

    method: PaymentMethod | None = None
    return_url: str | None = None
    session: LoginSession | None = None
    client_secret: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An intent and its current attempt, as an answer shows them."""

    intent: PaymentIntent
    attempt: Attempt | None


class Act(Enum):
    """What is left to do after the unit."""

    SHOW = "show"
    ORDER = "order"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Plan:
    """The intent as stored, and what to do with which attempt."""

    intent: PaymentIntent
    attempt: Attempt | None
    act: Act


def confirm_intent(deps: Dependencies, actor: Actor, intent_id: int, command: Confirm, *, once: Once = Once()) -> Shown:
    """Confirm an intent; the intent may come back declined, open, or still being resolved."""

    def work(unit: Unit) -> Plan:
        intent = load(unit, actor, intent_id, client_secret=command.client_secret, lock=True)
        claim(unit, deps, once, object_id=intent.id)
        return keep_if_done(unit, once, plan(unit, deps, actor, intent, command))

    return carry_out(deps, actor, command, deps.store.write(work), once=once)


def keep_if_done(unit: Unit, once: Once, decided: Plan) -> Plan:
    """Keep the answer when nothing is left to do after the unit."""
    if decided.act is Act.SHOW or decided.attempt is None:
        keep_answer(unit, once, Shown(decided.intent, decided.attempt))
    return decided


def plan(
    unit: Unit, deps: Dependencies, actor: Actor, intent: PaymentIntent, command: Confirm, *, new: bool = False
) -> Plan:
    """Decide inside the unit, and record whatever must be known before anything is sent.

    A `new` intent is not stored yet: it is, with what becomes of it.
    """
    lifecycle.require_changeable(intent)
    method = command.method or intent.payment_method
    if method is None:
        raise InvalidRequest(
            "Name a payment method: payment_method_data[type]=wechat_pay.",
            code="parameter_missing",
            param="payment_method_data",
        )
    if choose_payer.actor_may_name(actor):
        payer = choose_payer.from_merchant(deps, actor, method)
    else:
        now_ms = deps.surroundings.now_ms()
        payer = choose_payer.from_session(deps, actor, method, command.session, now_ms=now_ms)
        method = replace(method, openid=payer.openid)
    method = replace(method, terminal=payer.terminal)
    named = replace(intent, return_url=command.return_url or intent.return_url)
    with_method = lifecycle.name_method(named, method).intent
    was = None if new else intent
    current = None if new else unit.attempts.unresolved(intent.id)
    if not payer.openid:
        return _refuse(unit, deps, was, with_method, current)
    if current is None:
        return _start(unit, deps, was, with_method, payer)
    return _continue(unit, deps, intent, current, payer)


def _refuse(
    unit: Unit, deps: Dependencies, was: PaymentIntent | None, with_method: PaymentIntent, current: Attempt | None
) -> Plan:
    """An empty openid is answered as the provider would, without asking it."""
    if current is not None:
        raise InvalidRequest(
            "openid is empty, and an order of this PaymentIntent is open already.",
            code="parameter_invalid_empty",
            param=choose_payer.OPENID_PARAM,
        )
    step = lifecycle.refuse_method(with_method, lifecycle.PROVIDER_REFUSED_METHOD)
    return Plan(settle.keep(unit, deps, step, was=was).intent, None, Act.SHOW)


def _start(unit: Unit, deps: Dependencies, was: PaymentIntent | None, with_method: PaymentIntent, payer: Payer) -> Plan:
    provider = deps.providers.of(payer.app.provider, payer.app.merchant)
    if provider is None:
        raise InvalidRequest("The app's merchant number is not in the settings.", code="payment_method_not_available")
    currency = with_method.money.currency
    if currency not in provider.currencies:
        raise InvalidRequest(
            f"{payer.app.provider} collects {', '.join(sorted(provider.currencies))}, not {currency}.",
            code="payment_method_currency_mismatch",
            param="currency",
        )
    step = lifecycle.start_attempt(with_method, _attempt(deps, with_method, payer))
    stored = settle.start(unit, deps, step, was=was)
    return Plan(stored.intent, stored.attempt, Act.ORDER)


def _attempt(deps: Dependencies, intent: PaymentIntent, payer: Payer) -> Attempt:
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    return Attempt(
        id=number,
        intent_id=intent.id,
        account=intent.account,
        livemode=intent.livemode,
        provider=payer.app.provider,
        merchant=payer.app.merchant,
        app=payer.app.appid,
        terminal=payer.terminal,
        out_trade_no=str(number),
        payer=payer.openid,
        money=intent.money,
        description=intent.description or deps.accounts.default_description(intent.account),
        created_ms=now_ms,
        sent_ms=now_ms,
        expires_ms=now_ms + deps.policy.order_expires_after_s * 1000,
    )


def _continue(unit: Unit, deps: Dependencies, intent: PaymentIntent, current: Attempt, payer: Payer) -> Plan:
    now_ms = deps.surroundings.now_ms()
    same = (current.payer, current.app, current.terminal) == (payer.openid, payer.app.appid, payer.terminal)
    fresh = now_ms < current.expires_ms - 60_000
    if current.state is AttemptState.CLOSING:
        return Plan(intent, current, Act.CLOSE)
    if same and fresh:
        if current.state is AttemptState.OPEN and now_ms < (current.presentable_until_ms or 0):
            return Plan(intent, current, Act.SHOW)
        return Plan(intent, settle.resend(unit, deps, current.id, now_ms=now_ms), Act.ORDER)
    step = settle.keep(unit, deps, lifecycle.give_up_attempt(intent, current), was=intent, acting=True)
    return Plan(step.intent, step.attempt, Act.CLOSE)


def carry_out(deps: Dependencies, actor: Actor, command: Confirm, decided: Plan, *, once: Once) -> Shown:
    """Call the provider as decided, with no transaction open, and settle what it says."""
    for left in reversed(range(ROUNDS_MAX)):
        attempt = decided.attempt
        if decided.act is Act.SHOW or attempt is None:
            return Shown(decided.intent, attempt)
        provider = ask_provider.provider_of(deps, attempt)
        if provider is None:
            return Shown(decided.intent, attempt)
        if decided.act is Act.ORDER:
            said = ask_provider.order(deps, provider, attempt)
            return deps.store.write(partial(_settle_and_show, deps=deps, attempt=attempt, said=said, once=once))
        said = ask_provider.close(deps, provider, attempt)
        shown = deps.store.write(
            partial(_settle_and_show, deps=deps, attempt=attempt, said=said, once=once, only_final=True)
        )
        if shown.intent.is_final():
            return shown
        if left == 0 or (shown.attempt is not None and shown.attempt.is_unresolved()):
            break
        again = partial(_plan_again, deps=deps, actor=actor, intent_id=shown.intent.id, command=command, once=once)
        decided = deps.store.write(again)
    raise Conflict(
        "The order that was opened before is still being closed. Confirm again in a few seconds.",
        code="payment_intent_unexpected_state",
    )


def _settle_and_show(
    unit: Unit, *, deps: Dependencies, attempt: Attempt, said: Observation, once: Once, only_final: bool = False
) -> Shown:
    """Settle what the provider said, and keep the answer with it where this is the end."""
    step = settle.settle(unit, deps, attempt.id, said, looks=0)
    shown = Shown(step.intent, step.attempt)
    if not only_final or step.intent.is_final():
        keep_answer(unit, once, shown)
    return shown


def _plan_again(unit: Unit, *, deps: Dependencies, actor: Actor, intent_id: int, command: Confirm, once: Once) -> Plan:
    intent = load(unit, actor, intent_id, client_secret=command.client_secret, lock=True)
    return keep_if_done(unit, once, plan(unit, deps, actor, intent, command))

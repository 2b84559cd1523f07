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
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.observation import Observation
from wxbackend.domain.payment_code import PIN_WAIT_S_MAX, PaymentCode
from wxbackend.domain.payment_group import require_alone
from wxbackend.domain.terminal import NEEDS_PAYER, Terminal
from wxbackend.flows import announce, ask_provider, charge_mandate, choose_payer, hosted_page, settle
from wxbackend.flows.choose_payer import Payer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.end_order import end_order
from wxbackend.flows.find_intent import load
from wxbackend.flows.once import Once, claim, keep_answer
from wxbackend.flows.order_limit import limit_of, require_within
from wxbackend.ports.accounts import Actor, App
from wxbackend.ports.profit_sharing import shares_profit
from wxbackend.ports.provider import Provider
from wxbackend.ports.store import LoginSession, Unit

SHARING_PARAM = f"{choose_payer.WECHAT_PAY}[profit_sharing]"
ROUNDS_MAX = 3
"""Others may confirm at the same time; in the last round nothing is planned that nobody would carry out."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """What the caller says: how to pay (or None for what was named before), and who logged in."""

    method: PaymentMethod | None = None
    return_url: str | None = None
    session: LoginSession | None = None
    client_secret: str | None = None
    code: PaymentCode | None = None
    off_session: bool = False


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
    code: PaymentCode | None = None
    """What is charged instead of opening an order."""


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
    was = None if new else intent
    current = None if new else unit.attempts.unresolved(intent.id)
    named = replace(intent, return_url=command.return_url or intent.return_url)
    by_merchant = choose_payer.actor_may_name(actor)
    if method.mandate_id is not None:
        debit = charge_mandate.start(unit, deps, actor, named, method, was=was, off_session=command.off_session)
        return Plan(debit.intent, debit.attempt, Act.ORDER)
    if current is not None and current.is_debit():
        raise Conflict(
            "A debit of this PaymentIntent is still under way; wait for its result.",
            code="payment_intent_unexpected_state",
        )
    require_alone(current)
    if command.method is not None:
        _refuse_deciding(command.method, by_merchant=by_merchant)
        hosted_page.check_wish(command.method, by_merchant=by_merchant)
    if method.hosted_oauth and by_merchant:
        method, app = hosted_page.ask_for_page(deps, actor, named, method)
        return _host(unit, deps, was, lifecycle.name_method(named, method).intent, current, app=app)
    if method.terminal is Terminal.SCAN_CODE or command.code is not None:
        payer = choose_payer.from_code(deps, actor, method, command.code)
    else:
        payer = choose_payer.choose_payer(deps, actor, method, command.session, return_url=named.return_url)
    method = replace(method, terminal=payer.terminal, openid=method.openid if payer.terminal in NEEDS_PAYER else None)
    if not by_merchant:
        method = _of_buyer(method, payer, intent.payment_method)
    with_method = lifecycle.name_method(named, method).intent
    if payer.is_missing():
        return _refuse(unit, deps, was, with_method, current)
    if current is None:
        return _start(unit, deps, was, with_method, payer)
    return _continue(unit, deps, intent, current, payer, shared=_is_shared(with_method))


def _of_buyer(method: PaymentMethod, payer: Payer, before: PaymentMethod | None) -> PaymentMethod:
    """The buyer's side says who pays; that the merchant asked for our page, or to share, stays as it was."""
    hosted = before is not None and before.hosted_oauth and payer.terminal is Terminal.OFFICIAL_ACCOUNT
    page = before.hosted_page if before is not None and hosted else None
    shared = before is not None and before.profit_sharing
    return replace(method, openid=payer.openid or None, hosted_oauth=hosted, hosted_page=page, profit_sharing=shared)


def _host(
    unit: Unit,
    deps: Dependencies,
    was: PaymentIntent | None,
    with_method: PaymentIntent,
    current: Attempt | None,
    *,
    app: App,
) -> Plan:
    """Our page orders once the buyer has logged in. An order that it made goes on; any other is closed first."""
    if current is None:
        step = settle.keep(unit, deps, lifecycle.send_to_page(with_method), was=was)
        return Plan(step.intent, None, Act.SHOW)
    assert was is not None, "a new intent has no order"
    if current.state is AttemptState.CLOSING:
        return Plan(was, current, Act.CLOSE)
    if (current.terminal, current.app) == (Terminal.OFFICIAL_ACCOUNT, app.appid):
        step = settle.keep(unit, deps, Step(with_method), was=was)
        return Plan(step.intent, current, Act.SHOW)
    step = settle.keep(unit, deps, lifecycle.give_up_attempt(was, current), was=was, acting=True)
    return Plan(step.intent, step.attempt, Act.CLOSE)


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
    provider = choose_payer.provider_of(deps, payer)
    currency = with_method.money.currency
    if currency not in provider.currencies:
        raise InvalidRequest(
            f"{provider.name} collects {', '.join(sorted(provider.currencies))}, not {currency}.",
            code="payment_method_currency_mismatch",
            param="currency",
        )
    require_within(limit_of(provider, currency), with_method.money)
    shared = _is_shared(with_method)
    if shared and not shares_profit(provider):
        raise InvalidRequest(
            "The payments of this merchant number are not shared here (API v2, a service provider's sub-merchant, or "
            "cross-border): leave profit_sharing out.",
            code="profit_sharing_not_available",
            param=SHARING_PARAM,
        )
    attempt = replace(attempt_for(deps, provider, with_method, payer), profit_sharing=shared)
    step = lifecycle.start_attempt(with_method, attempt)
    stored = settle.start(unit, deps, step, was=was)
    return Plan(stored.intent, stored.attempt, Act.ORDER, payer.code)


def attempt_for(deps: Dependencies, provider: Provider, intent: PaymentIntent, payer: Payer) -> Attempt:
    """A new attempt of the intent that nobody has sent yet."""
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    lasts_s = deps.policy.order_expires_after_s if payer.code is None else PIN_WAIT_S_MAX
    return Attempt(
        id=number,
        intent_id=intent.id,
        account=intent.account,
        livemode=intent.livemode,
        provider=provider.name,
        merchant=provider.merchant,
        app=payer.app.appid,
        terminal=payer.terminal,
        out_trade_no=str(number),
        payer=payer.openid,
        money=intent.money,
        description=intent.description or deps.accounts.default_description(intent.account),
        created_ms=now_ms,
        sent_ms=now_ms,
        expires_ms=now_ms + lasts_s * 1000,
        client_ip=payer.client_ip,
        os_type=payer.os_type,
        return_url=payer.return_url,
        code_mark=payer.code.mark(str(number)) if payer.code is not None else None,
    )


def _refuse_deciding(method: PaymentMethod, *, by_merchant: bool) -> None:
    if method.profit_sharing and not by_merchant:
        raise InvalidRequest(
            "The buyer's side can't decide about profit sharing; the merchant's server does.",
            code="parameter_unknown",
            param=SHARING_PARAM,
        )


def _is_shared(intent: PaymentIntent) -> bool:
    """Whether the merchant's server said that what is paid shall be held back to be shared; the buyer's side can't."""
    return intent.payment_method is not None and intent.payment_method.profit_sharing


def _continue(
    unit: Unit, deps: Dependencies, intent: PaymentIntent, current: Attempt, payer: Payer, *, shared: bool
) -> Plan:
    now_ms = deps.surroundings.now_ms()
    same = payer.ordered(current) and current.profit_sharing == shared
    fresh = now_ms < current.expires_ms - 60_000
    if current.state is AttemptState.CLOSING:
        return Plan(intent, current, Act.CLOSE)
    if payer.code is not None and payer.code.mark(current.out_trade_no) == current.code_mark:
        return Plan(intent, current, Act.SHOW)  # the same code scanned again: it was charged, or is being charged
    if same and fresh and payer.code is None:
        if current.state is AttemptState.OPEN and now_ms < (current.presentable_until_ms or 0):
            return Plan(intent, current, Act.SHOW)
        if _ends_another(deps, current, now_ms):
            return Plan(intent, current, Act.SHOW)
        return Plan(intent, settle.resend(unit, deps, current.id, now_ms=now_ms), Act.ORDER)
    step = settle.keep(unit, deps, lifecycle.give_up_attempt(intent, current), was=intent, acting=True)
    return Plan(step.intent, step.attempt, Act.CLOSE)


def _ends_another(deps: Dependencies, current: Attempt, now_ms: int) -> bool:
    """Whether a repeat would end the QR code that another call, sent a moment ago, is about to be handed."""
    sent = current.state in (AttemptState.RECORDED, AttemptState.OPEN)
    return current.terminal is Terminal.WEB and sent and now_ms < current.sent_ms + deps.policy.lease_ms


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
            said = _order(deps, provider, attempt, decided.code)
            return deps.store.write(partial(_settle_and_show, deps=deps, attempt=attempt, said=said, once=once))
        said = end_order(deps, provider, attempt)
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


def _order(deps: Dependencies, provider: Provider, attempt: Attempt, code: PaymentCode | None) -> Observation:
    if code is None:
        return ask_provider.order(deps, provider, attempt)
    return ask_provider.charge_code(deps, provider, attempt, code)


def _settle_and_show(
    unit: Unit, *, deps: Dependencies, attempt: Attempt, said: Observation, once: Once, only_final: bool = False
) -> Shown:
    """Settle what the provider said, and keep the answer with it where this is the end."""
    unit.intents.expect_lock_of(attempt.id)
    announce.expect(unit, attempt.account, livemode=attempt.livemode)
    step = settle.settle(unit, deps, attempt.id, said, looks=0, asked=attempt)
    shown = Shown(step.intent, step.attempt)
    if not only_final or step.intent.is_final():
        keep_answer(unit, once, shown)
    return shown


def _plan_again(unit: Unit, *, deps: Dependencies, actor: Actor, intent_id: int, command: Confirm, once: Once) -> Plan:
    intent = load(unit, actor, intent_id, client_secret=command.client_secret, lock=True)
    return keep_if_done(unit, once, plan(unit, deps, actor, intent, command))

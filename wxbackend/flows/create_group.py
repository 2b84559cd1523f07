"""Create a payment group: record an attempt of every intent, commit, order all at once, settle.

An intent whose own order is open joins only after that order was closed upstream, so that no intent can be paid twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from wxbackend.domain import ids, lifecycle
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import Conflict, InvalidRequest, Rejected
from wxbackend.domain.intent import PaymentIntent, PaymentMethod
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.payment_group import (
    MEMBERS_MAX,
    MEMBERS_MIN,
    GroupObservation,
    Member,
    PaymentGroup,
    require_alone,
)
from wxbackend.domain.terminal import Terminal
from wxbackend.flows import announce, ask_group, ask_provider, choose_payer, settle, settle_group
from wxbackend.flows.choose_payer import Payer
from wxbackend.flows.confirm_intent import attempt_for
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.end_order import end_order
from wxbackend.flows.find_intent import load
from wxbackend.flows.once import Once, claim, keep_answer
from wxbackend.ports.accounts import Actor
from wxbackend.ports.combined import combines
from wxbackend.ports.provider import Provider
from wxbackend.ports.store import Unit

PARAM = "payment_intents"
ROUNDS_MAX = 3
"""Orders of single intents are closed in one round, and the group is made in the next."""


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """What the merchant's server asks for; the intents are paid in this order."""

    intent_ids: tuple[int, ...]
    method: PaymentMethod
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Wish:
    """What shall become of it, as far as that is known before anything is read."""

    group_id: int
    actor: Actor
    command: CreateGroup
    payer: Payer
    provider: Provider


@dataclass(frozen=True, slots=True)
class _Plan:
    """The group as it was recorded; or the orders that have to be closed before."""

    group: PaymentGroup | None
    to_close: Sequence[Attempt] = ()


def create_group(deps: Dependencies, actor: Actor, command: CreateGroup, *, once: Once = Once()) -> PaymentGroup:
    """The group may come back open, declined (`canceled`), or still being resolved."""
    _check_list(command.intent_ids)
    payer = _payer(deps, actor, command)
    wish = _Wish(deps.surroundings.new_id(), actor, command, payer, _provider(deps, payer))
    for left in reversed(range(ROUNDS_MAX)):
        work = partial(_plan, deps=deps, wish=wish, once=once, first=left == ROUNDS_MAX - 1)
        planned = deps.store.write(work)
        if planned.group is not None:
            asked = ask_group.provider_of(deps, planned.group)
            assert asked is not None, "it was there when the group was planned"
            said = ask_group.order(deps, asked, planned.group)
            return deps.store.write(partial(_settle, deps=deps, group_id=wish.group_id, said=said, once=once))
        for attempt in planned.to_close:
            _close(deps, attempt)
    raise Conflict(
        "An order that was opened before is still being closed. Ask for the group again in a few seconds.",
        code="payment_intent_unexpected_state",
        param=PARAM,
    )


def _check_list(named: Sequence[int]) -> None:
    if not MEMBERS_MIN <= len(named) <= MEMBERS_MAX:
        raise InvalidRequest(
            f"payment_intents must name {MEMBERS_MIN} to {MEMBERS_MAX} PaymentIntents; it names {len(named)}. "
            "Confirm a single one by itself.",
            code="parameter_invalid",
            param=PARAM,
        )
    for place, number in enumerate(named):
        if number in named[:place]:
            raise InvalidRequest(
                f"payment_intents[{place}] was named before; name every PaymentIntent once.",
                code="parameter_invalid",
                param=f"{PARAM}[{place}]",
            )


def _provider(deps: Dependencies, payer: Payer) -> Provider:
    provider = choose_payer.provider_of(deps, payer)
    able = combines(provider)
    if not able:
        raise InvalidRequest(
            "The merchant number of this app takes no combined orders: that needs API v3 in the settings, without "
            "service_provider and cross_border.",
            code="payment_method_not_available",
            param=choose_payer.APP_PARAM,
        )
    return provider


def _payer(deps: Dependencies, actor: Actor, command: CreateGroup) -> Payer:
    method = command.method
    if method.mandate_id is not None:
        raise InvalidRequest(
            "A saved payment method is charged for one PaymentIntent at a time. Name payment_method_data instead.",
            code="parameter_invalid",
            param="payment_method",
        )
    if method.terminal is Terminal.SCAN_CODE:
        raise InvalidRequest(
            "A payment code pays one PaymentIntent at a time; terminal_type SCAN_CODE is not taken here.",
            code="parameter_invalid",
            param=choose_payer.TERMINAL_PARAM,
        )
    if method.hosted_oauth:
        raise InvalidRequest(
            "Our own page pays one PaymentIntent at a time. Log the buyer in and name the openid instead.",
            code="parameter_invalid",
            param=f"{choose_payer.WECHAT_PAY}[hosted_oauth]",
        )
    payer = choose_payer.choose_payer(deps, actor, method, None, return_url=command.return_url)
    if payer.is_missing():
        raise InvalidRequest("openid is empty.", code="parameter_invalid_empty", param=choose_payer.OPENID_PARAM)
    return payer


def _plan(unit: Unit, *, deps: Dependencies, wish: _Wish, once: Once, first: bool) -> _Plan:
    """Decide inside the unit, and record whatever must be known before anything is sent."""
    intents = _load(unit, wish.actor, wish.command.intent_ids)
    if first:
        claim(unit, deps, once, object_id=wish.group_id)
    orders = {number: _fitting(unit, wish.provider, intents[number], place) for place, number in enumerate(intents)}
    to_close = [_give_up(unit, deps, intents[number], order) for number, order in orders.items() if order is not None]
    if to_close:
        _claim_anew(unit, deps, once, None)  # a crash before the group is there leaves nothing to recover
        return _Plan(None, to_close)
    if not first:
        _claim_anew(unit, deps, once, wish.group_id)
    steps = [_start(unit, deps, intent, wish) for intent in intents.values()]
    settle_group.look_at_first(unit, steps)
    members = tuple(Member(step.intent, step.attempt) for step in steps if step.attempt is not None)
    return _Plan(PaymentGroup(wish.group_id, members))


def _load(unit: Unit, actor: Actor, named: Sequence[int]) -> Mapping[int, PaymentIntent]:
    """All intents under their locks, taken in the order of their numbers and given in the order they were named."""
    found: dict[int, PaymentIntent] = {}
    for number in sorted(named):
        with_place = _placed(named.index(number))
        try:
            found[number] = load(unit, actor, number, lock=True)
        except Rejected as error:
            error.param = with_place
            raise
    return {number: found[number] for number in named}


def _fitting(unit: Unit, provider: Provider, intent: PaymentIntent, place: int) -> Attempt | None:
    """Refuse an intent that can't join; the order of its own that has to be closed before, if it has one."""
    try:
        lifecycle.require_changeable(intent)
        current = unit.attempts.unresolved(intent.id)
        require_alone(current)
    except Conflict as error:
        name = ids.render(ids.INTENT, intent.id)
        raise Conflict(f"{name}: {error.message}", code=error.code, param=_placed(place)) from None
    if intent.money.currency not in provider.currencies:
        raise InvalidRequest(
            f"{provider.name} collects {', '.join(sorted(provider.currencies))}, not {intent.money.currency}.",
            code="payment_method_currency_mismatch",
            param=_placed(place),
        )
    return current


def _placed(place: int) -> str:
    return f"{PARAM}[{place}]"


def _give_up(unit: Unit, deps: Dependencies, intent: PaymentIntent, order: Attempt) -> Attempt:
    if order.state is AttemptState.CLOSING:
        return order
    step = settle.keep(unit, deps, lifecycle.give_up_attempt(intent, order), was=intent, acting=True)
    assert step.attempt is not None
    return step.attempt


def _claim_anew(unit: Unit, deps: Dependencies, once: Once, object_id: int | None) -> None:
    """Let the claim name the group once it is there, and nothing before."""
    if once.request is not None:
        unit.idempotency.release(once.request)
        claim(unit, deps, once, object_id=object_id)


def _start(unit: Unit, deps: Dependencies, intent: PaymentIntent, wish: _Wish) -> Step:
    command, payer = wish.command, wish.payer
    openid = command.method.openid if payer.openid else None
    method = replace(command.method, id=deps.surroundings.new_id(), terminal=payer.terminal, openid=openid)
    named = replace(intent, return_url=command.return_url or intent.return_url)
    with_method = lifecycle.name_method(named, method).intent
    attempt = attempt_for(deps, wish.provider, with_method, payer)
    attempt = replace(attempt, group_id=wish.group_id, profit_sharing=method.profit_sharing)
    return settle.start(unit, deps, lifecycle.start_attempt(with_method, attempt), was=intent)


def _close(deps: Dependencies, attempt: Attempt) -> None:
    """End an intent's own order; whether it was paid meanwhile comes out when the group is planned again."""
    provider = ask_provider.provider_of(deps, attempt)
    if provider is not None:
        said = end_order(deps, provider, attempt)
        deps.store.write(lambda unit: settle.settle(unit, deps, attempt.id, said, looks=0, asked=attempt))


def _settle(unit: Unit, *, deps: Dependencies, group_id: int, said: GroupObservation, once: Once) -> PaymentGroup:
    held = settle_group.lock(unit, group_id)
    assert held is not None, "it was recorded before it was sent"
    announce.expect(unit, held.first.account, livemode=held.first.livemode)
    after, _ = settle_group.settle_group(unit, deps, held, said, looks=0)
    keep_answer(unit, once, after)
    return after

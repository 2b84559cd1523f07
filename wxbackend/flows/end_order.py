"""See to it that nobody can pay an order any more: it is closed, or reversed where a payment code was charged.

A reversal gives back what was paid meanwhile. So the provider is asked first, and a payment that is found then
wins. Once a reversal has been sent, only its own outcome ends the order: a payment that is heard of may be the
one that is being given back. An unknown outcome stays unknown, and the reversal is repeated.
"""

from __future__ import annotations

from wxbackend.domain import lifecycle
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.observation import Closed, Declined, Observation, Paid, Pending, Uncertain, Unreversed
from wxbackend.domain.payment_code import REVERSE_AFTER_S_MIN
from wxbackend.domain.terminal import Terminal
from wxbackend.flows import ask_provider, settle
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.provider import Provider
from wxbackend.ports.store import Unit


def end_order(deps: Dependencies, provider: Provider, attempt: Attempt) -> Observation:
    """What the provider says to the end of the order."""
    if attempt.terminal is not Terminal.SCAN_CODE:
        return ask_provider.close(deps, provider, attempt)
    if attempt.reversal_sent_ms is None:
        said = ask_provider.query(deps, provider, attempt)
        too_early = deps.surroundings.now_ms() < attempt.sent_ms + REVERSE_AFTER_S_MIN * 1000
        if too_early or not isinstance(said, Pending):
            return said
    if not deps.store.write(lambda unit: _begin(unit, deps, attempt)):
        return Uncertain("something was heard of the order before it was reversed")
    return _reverse(deps, provider, attempt)


def _begin(unit: Unit, deps: Dependencies, attempt: Attempt) -> bool:
    """Note that a reversal is sent, unless the order ended meanwhile."""
    locked = unit.intents.lock_of(attempt.id)
    assert locked is not None
    step = lifecycle.begin_reversal(*locked, now_ms=deps.surroundings.now_ms())
    assert step.attempt is not None
    if step.attempt != locked[1]:
        settle.keep(unit, deps, step, was=locked[0], acting=True)
    return step.attempt.is_unresolved()


def _reverse(deps: Dependencies, provider: Provider, attempt: Attempt) -> Observation:
    said = ask_provider.ask(deps, provider.reverse(attempt))
    if not isinstance(said, Declined):
        return said
    truth = ask_provider.query(deps, provider, attempt)
    if isinstance(truth, Paid):
        return Unreversed(truth)
    return truth if isinstance(truth, Closed) else Uncertain(f"the reversal was refused: {said.decline_code}")

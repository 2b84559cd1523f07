"""Money that does not fit is booked apart and given back by itself, once; the worker sends the refund.

It is given back only where nothing else can be meant by it: late and double payments of our own
orders, and wrong ones that our own query confirmed, at the merchant number that took them.
"""

from __future__ import annotations

from typing import Final

from wxbackend.domain import ledger, refund_lifecycle
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.money import Money
from wxbackend.domain.refund import Origin, Refund, RefundState
from wxbackend.flows import announce, settle_refund
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Unit

_WHY: Final = {
    DiscrepancyKind.LATE: "given back: paid after it was canceled",
    DiscrepancyKind.DOUBLE: "given back: paid a second time",
    DiscrepancyKind.WRONG: "given back: paid otherwise than ordered",
}
A_PERSON_LOOKS: Final = frozenset({"merchant", "currency", "app"})
"""Where these differ it may be somebody else's money, or a name that the provider left out of what it told us."""


def give_back(
    unit: Unit, deps: Dependencies, number: int, found: Discrepancy, *, intent: PaymentIntent, attempt: Attempt
) -> None:
    """Book the money apart and record its refund; what was done before is not done again."""
    if found.amount < 1:
        return
    held = ledger.of_discrepancy(number, found, provider=attempt.provider, merchant=attempt.merchant)
    announce.book(unit, deps, (held,), account=intent.account, livemode=intent.livemode)
    if not _certain(found, attempt) or unit.refunds.of_discrepancy(number) is not None:
        return
    refund_id, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    others, spacing_ms = unit.refunds.of_attempt(attempt.id), deps.policy.refund_spacing_ms
    refund = Refund(
        id=refund_id,
        intent_id=intent.id,
        attempt_id=attempt.id,
        account=intent.account,
        livemode=intent.livemode,
        provider=attempt.provider,
        merchant=attempt.merchant,
        transaction=found.transaction,
        out_refund_no=str(refund_id),
        money=Money(found.amount, found.currency),
        total=found.amount,
        created_ms=now_ms,
        sent_ms=refund_lifecycle.turn_ms(refund_id, others, spacing_ms=spacing_ms, now_ms=now_ms),
        state=RefundState.QUEUED,
        origin=Origin.AUTOMATIC,
        description=_WHY[found.kind],
        discrepancy_id=number,
        app=attempt.app,
    )
    settle_refund.begin(unit, deps, refund_lifecycle.create(refund))


def _certain(found: Discrepancy, attempt: Attempt) -> bool:
    if found.kind is DiscrepancyKind.DOUBLE:
        # Another transaction of an order that has one is no payment that WeChat can make: a person looks.
        return attempt.transaction == found.transaction
    if found.kind is DiscrepancyKind.WRONG:
        return found.observed.keys().isdisjoint(A_PERSON_LOOKS)
    return found.kind is DiscrepancyKind.LATE

"""Money that does not fit is recorded once, however often it is told, and the merchant hears of it."""

from __future__ import annotations

from wxbackend.domain import ids, representation
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.observation import Paid
from wxbackend.flows import announce
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import RecordedDiscrepancy, Unit


def report(unit: Unit, deps: Dependencies, found: Discrepancy, *, intent: PaymentIntent, attempt: Attempt) -> int:
    """Record what was found about an attempt; its number, new or not."""
    recorded = RecordedDiscrepancy(
        id=deps.surroundings.new_id(),
        account=intent.account,
        livemode=intent.livemode,
        intent_id=intent.id,
        attempt_id=attempt.id,
        created_ms=deps.surroundings.now_ms(),
        found=found,
    )
    extra = {"payment_intent": ids.render(ids.INTENT, intent.id), "out_trade_no": attempt.out_trade_no}
    return _record(unit, deps, recorded, extra)


def report_unmatched(unit: Unit, deps: Dependencies, owner: Actor, paid: Paid, *, out_trade_no: str) -> None:
    """Record money that a proven notice speaks of for an order that we never made."""
    found = Discrepancy(
        DiscrepancyKind.UNMATCHED,
        {"out_trade_no": "an order of ours"},
        {"out_trade_no": out_trade_no},
        paid.transaction,
        paid.amount,
        paid.currency,
    )
    recorded = RecordedDiscrepancy(
        id=deps.surroundings.new_id(),
        account=owner.account,
        livemode=owner.livemode,
        intent_id=None,
        attempt_id=None,
        created_ms=deps.surroundings.now_ms(),
        found=found,
    )
    _record(unit, deps, recorded, {"out_trade_no": out_trade_no})


def _record(unit: Unit, deps: Dependencies, recorded: RecordedDiscrepancy, extra: dict[str, str]) -> int:
    number = unit.discrepancies.insert(recorded)
    if number == recorded.id:
        subject = representation.discrepancy(
            number, recorded.found, created_ms=recorded.created_ms, livemode=recorded.livemode
        )
        announce.emit(
            unit,
            deps,
            EventType.DISCREPANCY_OPENED,
            number,
            subject | extra,
            account=recorded.account,
            livemode=recorded.livemode,
        )
    return number

"""Money that does not fit is recorded once, however often it is told, and the merchant hears of it."""

from __future__ import annotations

from wxbackend.domain import ids, representation
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.bill import Bill
from wxbackend.domain.bill_judgement import OurPayment, OurRefund
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


def report_finding(
    unit: Unit,
    deps: Dependencies,
    bill: Bill,
    found: Discrepancy,
    *,
    ours: OurPayment | OurRefund | None,
    seen_ms: int,
) -> None:
    """Record what a bill shows, once however many looks find it; without `ours` it belongs to the bill's owner."""
    recorded = RecordedDiscrepancy(
        id=deps.surroundings.new_id(),
        account=bill.account if ours is None else ours.account,
        livemode=bill.livemode if ours is None else ours.livemode,
        intent_id=None if ours is None else ours.intent_id,
        attempt_id=None if ours is None else attempt_of(ours),
        created_ms=deps.surroundings.now_ms(),
        found=found,
        bill_id=bill.id,
        day=bill.day,
    )
    number = unit.discrepancies.put(recorded, seen_ms=seen_ms)
    kept = None if number is None else unit.discrepancies.find(number)
    if kept is not None:
        announce.emit(
            unit,
            deps,
            EventType.DISCREPANCY_OPENED,
            kept.id,
            representation.kept_discrepancy(kept),
            account=kept.account,
            livemode=kept.livemode,
        )


def attempt_of(ours: OurPayment | OurRefund) -> int:
    """The order that it is about."""
    return ours.id if isinstance(ours, OurPayment) else ours.attempt_id


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

"""Read what an operator should know about money that is not settled; nothing is counted that an index does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from wxbackend.domain import ids
from wxbackend.domain.discrepancy import DiscrepancyKind
from wxbackend.domain.mandate import MandateState
from wxbackend.domain.merchant_transfer import ENDED, MerchantTransferState
from wxbackend.domain.profit_sharing import RETURN_ENDED, SHARING_ENDED, ReturnState, SharingState
from wxbackend.domain.refund import UNRESOLVED, RefundState
from wxbackend.domain.shipping import WARN_BEFORE_MS
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.park_failure import PARKED_AFTER_FAILURES
from wxbackend.ports.counting import Gauge
from wxbackend.ports.store import Unit, Work

UNMATCHED_WITHIN_MS: Final = 86_400_000
UNCLEAR: Final = ("closing", "recorded", "uncertain")
UNRESOLVED_MANDATES: Final = (MandateState.RECORDED, MandateState.OPEN, MandateState.ENDING)


def read_gauges(deps: Dependencies) -> tuple[Gauge, ...]:
    """All of them, from one view of the database."""
    now_ms = deps.surroundings.now_ms()
    return deps.store.read(lambda unit: (*_money(unit, now_ms), *_money_out(unit), *_ages(unit, now_ms)))


def _money(unit: Unit, now_ms: int) -> tuple[Gauge, ...]:
    gauges = unit.gauges
    attempts, refunds, found = gauges.unclear_attempts(), gauges.unresolved_refunds(), gauges.open_discrepancies()
    parked = unit.failures.count(failures=PARKED_AFTER_FAILURES)
    states = [state.value for state in RefundState if state in UNRESOLVED]
    since_ms = now_ms - UNMATCHED_WITHIN_MS
    late, urgent = (
        unit.shippings.count_late(ship_before_ms=moment_ms) for moment_ms in (now_ms, now_ms + WARN_BEFORE_MS)
    )
    return (
        Gauge(
            "wxbackend_attempts_unclear",
            "Orders whose fate at the provider is being found out.",
            "state",
            tuple((state, attempts.get(state, 0)) for state in UNCLEAR),
        ),
        Gauge(
            "wxbackend_discrepancies_open",
            "Misplaced money not given back yet, and open differences between bills and books.",
            "kind",
            tuple((kind.value, found.get(kind.value, 0)) for kind in DiscrepancyKind),
        ),
        Gauge(
            "wxbackend_refunds_unresolved",
            "Refunds that are not finished.",
            "state",
            tuple((state, refunds.get(state, 0)) for state in states),
        ),
        _one("wxbackend_notices_unhandled", "Notices that are kept and not settled.", gauges.unhandled_notices()),
        _one(
            "wxbackend_notices_unmatched_last_day",
            "Notices of the last 24 hours about orders or refunds that were never made here.",
            gauges.unmatched_notices(since_ms=since_ms),
        ),
        Gauge(
            "wxbackend_shippings_awaited",
            "Mini program orders whose shipping WeChat waits for: time is up, or less than a day is left.",
            "when",
            (("overdue", late), ("within_a_day", urgent - late)),
        ),
        _one("wxbackend_pushes_unhandled", "Pushes that are kept and not handled.", gauges.unhandled_pushes()),
        Gauge(
            "wxbackend_parked",
            "Work that failed here again and again and waits for a person.",
            "work",
            tuple((work.value, parked.get(work.value, 0)) for work in Work),
        ),
        _one("wxbackend_deliveries_pending", "Events not taken by an endpoint yet.", gauges.pending_deliveries()),
    )


def _money_out(unit: Unit) -> tuple[Gauge, ...]:
    gauges = unit.gauges
    return (
        _by_state(
            "wxbackend_transfers_unresolved",
            "Transfers to people that have not ended.",
            [state for state in MerchantTransferState if state not in ENDED],
            gauges.unresolved_transfers(),
        ),
        _by_state(
            "wxbackend_profit_sharings_unresolved",
            "Profit sharings that have not ended.",
            [state for state in SharingState if state not in SHARING_ENDED],
            gauges.unresolved_sharings(),
        ),
        _by_state(
            "wxbackend_profit_sharing_returns_unresolved",
            "Returns of profit sharings that have not ended.",
            [state for state in ReturnState if state not in RETURN_ENDED],
            gauges.unresolved_returns(),
        ),
        _by_state(
            "wxbackend_mandates_unresolved",
            "Mandates that wait to be signed, and those whose end WeChat has not confirmed.",
            UNRESOLVED_MANDATES,
            gauges.unresolved_mandates(),
        ),
    )


def _ages(unit: Unit, now_ms: int) -> tuple[Gauge, ...]:
    event = unit.gauges.oldest_pending_event()
    waiting_ms = 0 if event is None else now_ms - ids.created_ms(event)
    overdue = tuple(
        (name, 0 if due_ms is None else max(0, now_ms - due_ms) // 1000)
        for name, due_ms in unit.gauges.oldest_due_ms().items()
    )
    return (
        _one(
            "wxbackend_deliveries_oldest_seconds",
            "Age of the oldest event that an endpoint has not taken.",
            max(0, waiting_ms) // 1000,
        ),
        Gauge("wxbackend_looks_overdue_seconds", "How late the earliest planned look is.", "queue", overdue),
    )


def _by_state(name: str, meaning: str, states: Iterable[Enum], found: Mapping[str, int]) -> Gauge:
    return Gauge(name, meaning, "state", tuple((state.value, found.get(state.value, 0)) for state in states))


def _one(name: str, meaning: str, value: int) -> Gauge:
    return Gauge(name, meaning, "", (("", value),))

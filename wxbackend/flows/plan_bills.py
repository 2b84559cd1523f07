"""Plan a day's bills once they can be had; missed days are caught up to a limit, days before our first order never."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Final

from wxbackend.domain import ids
from wxbackend.domain.bill import Bill, BillKind, BillState
from wxbackend.domain.errors import NotConfigured
from wxbackend.flows.bill_days import DAYS_KEPT, bounds_ms, day_of, latest_ready
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.bills import BillSource
from wxbackend.ports.store import Poll, Unit

CATCH_UP_DAYS_MAX: Final = 14
"""A worker that was away longer leaves older days to `wxbackend reconcile`."""
LEASE_MS: Final = 900_000
"""A bill is fetched and read within this; if not, a second worker begins it too, and finds the same."""


def plan_bills(deps: Dependencies) -> int:
    """Plan what is ready and not planned yet; how many. Asks before it writes, as there is nothing new all day."""
    last = latest_ready(deps.surroundings.now_ms())
    planned = 0
    for source in deps.providers.bill_sources():
        missing = deps.store.read(partial(_missing, source=source, last=last))
        if missing:
            planned += deps.store.write(partial(_plan, deps=deps, source=source, days=missing))
    return planned


def plan_bill(deps: Dependencies, source: BillSource, kind: BillKind, day: str, *, due: bool = False) -> Bill:
    """The bill of a day, planned now if it was not; the caller looks at it unless it is `due` for a worker."""
    now_ms = deps.surroundings.now_ms()
    return deps.store.write(lambda unit: _keep(unit, deps, source, kind, day, due_ms=now_ms if due else None))


def claim_bills(deps: Dependencies, *, at_most: int) -> list[Poll]:
    """Bills that are due, leased to this worker."""
    now_ms = deps.surroundings.now_ms()
    return list(deps.store.write(lambda unit: unit.bills.claim(now_ms=now_ms, lease_ms=LEASE_MS, limit=at_most)))


def _plan(unit: Unit, *, deps: Dependencies, source: BillSource, days: list[tuple[BillKind, str]]) -> int:
    now_ms = deps.surroundings.now_ms()
    for kind, day in days:
        _keep(unit, deps, source, kind, day, due_ms=now_ms)
    return len(days)


def _missing(unit: Unit, *, source: BillSource, last: date) -> list[tuple[BillKind, str]]:
    """Of the days that are caught up, those after the first bill or the first order among them."""
    first = last - timedelta(days=CATCH_UP_DAYS_MAX - 1)
    known = unit.bills.known(source.name, source.merchant, since=first.isoformat())
    if known:
        first = date.fromisoformat(min(day for _, day in known))
    else:
        since_id = ids.compose(bounds_ms(first.isoformat())[0], node=0, sequence=0)
        begun = [unit.bills.first_attempt_ms(name, source.merchant, since_id=since_id) for name in source.covers]
        begun_ms = min((moment for moment in begun if moment is not None), default=None)
        if begun_ms is None:
            return []
        first = day_of(begun_ms)
    days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
    kinds = [kind for kind in BillKind if kind in source.bill_kinds]
    return [(kind, day) for day in days for kind in kinds if (kind, day) not in known]


def _keep(unit: Unit, deps: Dependencies, source: BillSource, kind: BillKind, day: str, *, due_ms: int | None) -> Bill:
    owner = deps.accounts.owner_of(source.name, source.merchant)
    if owner is None:
        raise NotConfigured(source.merchant)
    new = Bill(
        id=deps.surroundings.new_id(),
        account=owner.account,
        livemode=owner.livemode,
        provider=source.name,
        merchant=source.merchant,
        kind=kind,
        day=day,
        created_ms=deps.surroundings.now_ms(),
        state=BillState.PLANNED,
    )
    bill = unit.bills.plan(new)
    if bill.id == new.id and due_ms is not None:
        unit.bills.schedule(bill.id, due_ms=due_ms, tries=0)
    return bill


def is_kept_there(day: str, now_ms: int) -> bool:
    """Whether the provider still has the bill of that day."""
    return (day_of(now_ms) - date.fromisoformat(day)).days <= DAYS_KEPT

"""Bills when things go wrong on the way, twice, at the same time, or not at all: one set of differences, one fee."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.contracts.conftest import Database
from tests.support.bill_side import BillSide, bill_side
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.domain.bill import BillKind, BillState
from wxbackend.flows.bill_days import DAY_MS
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.plan_bills import LEASE_MS, claim_bills, plan_bills
from wxbackend.ports.store import Unit
from wxbackend.work import bills as work


@pytest.fixture(scope="module")
def other_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The simulated WeChat, once for the module: its keys take a while."""
    with wechat_side(tmp_path_factory.mktemp("bills")) as made:
        yield made


@pytest.fixture
def bills(database: Database, other_side: WechatSide) -> BillSide:
    """A day on which nothing happened yet."""
    return bill_side(other_side, database.store)


class Killed(BaseException):
    """The process is gone: nothing in it catches that."""


class Dying:
    """A store and a transport in one, whose process dies at one of its writes and calls, before it or after."""

    def __init__(self, bills: BillSide, at: int, *, after: bool = False, calls: bool = True) -> None:
        self._store: Any = bills.deps.store
        self._transport: Any = bills.deps.transport
        self._left = at
        self._after = after
        self._calls = calls

    def write(self, work: Any) -> Any:
        """Die when its time has come."""
        return self._cross(lambda: self._store.write(work))

    def read(self, work: Any) -> Any:
        """Read."""
        return self._store.read(work)

    def send(self, exchange: Any) -> Any:
        """Die when its time has come."""
        return self._cross(lambda: self._transport.send(exchange), counts=self._calls)

    def fetch(self, download: Any) -> Any:
        """Die when its time has come."""
        return self._cross(lambda: self._transport.fetch(download), counts=self._calls, lose=lambda file: file.close())

    def _cross(
        self, work: Callable[[], Any], *, counts: bool = True, lose: Callable[[Any], object] = lambda _: None
    ) -> Any:
        if not counts:
            return work()
        if not self._left and not self._after:
            raise Killed
        result = work()
        if not self._left:
            lose(result)
            raise Killed
        self._left -= 1
        return result

    def of(self, deps: Dependencies) -> Dependencies:
        """The product with this store and this transport."""
        return replace(deps, store=cast("Any", self), transport=cast("Any", self))


def a_bad_day(bills: BillSide) -> str:
    """A day with a difference of every kind."""
    orders = [bills.paid() for _ in range(4)]
    bills.paid(told=False)
    bills.refunded(orders[0], 700, told=False)
    day = bills.next_day()
    bills.spoil(
        day,
        omit=[orders[1].out_trade_no],
        add=[{"out_trade_no": "nobodys", "amount": 12345}],
        change={orders[2].out_trade_no: {"amount": 1999}, orders[3].out_trade_no: {"fee": 99}},
    )
    return day


def state_of(bills: BillSide) -> tuple[Any, ...]:
    """Everything that a look leaves behind."""
    opened, resolved = bills.events("discrepancy.opened"), bills.events("discrepancy.resolved")
    return bills.kinds(), bills.balance("fees"), bills.balance("provider:wechat_v3:1900000109"), opened, resolved


EXPECTED = (
    [
        ("amount", "open"),
        ("fee", "open"),
        ("missing_here", "open"),
        ("missing_there", "open"),
        ("status", "mended"),
        ("status", "mended"),
    ],
    12 + 12 - 4 + 99,
    5 * 2000 - 700 - (12 + 12 - 4 + 99),
    6,
    2,
)


def test_killed_before_any_of_its_writes_it_leaves_the_same_when_run_again(bills: BillSide) -> None:
    day = a_bad_day(bills)
    bills.bill(day)
    died = 0
    while True:
        deps = Dying(bills, died, calls=False).of(bills.deps)
        try:
            bills.look(day, deps=deps)
            break
        except Killed:
            died += 1
    assert died >= 5
    bills.look(day)
    assert state_of(bills) == EXPECTED


@pytest.mark.parametrize("dies", ["never", "before", "after"])
def test_a_worker_killed_at_any_write_or_call_is_followed_by_another_that_doubles_nothing(
    bills: BillSide, dies: str
) -> None:
    day, died = a_bad_day(bills), 0
    while True:
        try:
            at = 1_000_000 if dies == "never" else died
            work.tick(Dying(bills, at, after=dies == "after").of(bills.deps), lambda: False)
            break
        except Killed:
            died += 1
            cast("Any", bills.deps.surroundings).ahead_ms += LEASE_MS + 1
    assert died >= (0 if dies == "never" else 8)
    assert {bills.bill(day, kind).state for kind in BillKind} == {BillState.CHECKED}
    # Where the bill of the funds came first, it saw a payment that the other one mended: mended too, a day later.
    cast("Any", bills.deps.surroundings).ahead_ms += DAY_MS + 1
    work.tick(bills.deps, lambda: False)
    kinds, fees, money, opened, resolved = state_of(bills)
    further = list(kinds)
    for expected in EXPECTED[0]:
        further.remove(expected)
    assert further in ([], [("missing_here", "mended")])
    assert (fees, money, opened - len(further), resolved - len(further)) == EXPECTED[1:]


def test_two_workers_at_once_find_one_set_of_differences(bills: BillSide) -> None:
    day = a_bad_day(bills)
    bills.bill(day)
    with ThreadPoolExecutor(3) as workers:
        for looked in [workers.submit(bills.look, day) for _ in range(3)]:
            looked.result(60)
    kinds, fees, *_ = state_of(bills)
    assert (kinds, fees) == EXPECTED[:2]
    bills.look(day)
    assert state_of(bills)[:3] == EXPECTED[:3]


def test_a_bill_that_is_not_ready_is_asked_for_again_later(bills: BillSide) -> None:
    bills.paid()
    day = bills.next_day()
    for fault in ("error_500_before", "html_502", "unsigned", "bad_signature", "truncate", "drop_after", "limit_429"):
        bills.side.misbehave(fault, "bill")
        assert bills.look(day).bill.state is BillState.NOT_READY, fault
    for fault in ("html_502", "drop_before"):
        bills.side.misbehave(fault, "bill_file")
        assert bills.look(day).bill.state is BillState.NOT_READY, fault
    bills.side.misbehave("truncate", "bill_file")
    assert bills.look(day).bill.state is BillState.UNREADABLE
    assert claim_bills(bills.deps, at_most=10) == []
    cast("Any", bills.deps.surroundings).ahead_ms += 400_000
    assert len(claim_bills(bills.deps, at_most=10)) == 1
    assert bills.look(day).bill.state is BillState.CHECKED


def test_a_day_without_sales_there_and_with_sales_here_is_a_day_of_differences(bills: BillSide) -> None:
    order = bills.paid()
    day = bills.next_day()
    bills.spoil(day, omit=[order.out_trade_no])
    report = bills.look(day)
    assert (report.bill.state, report.open_differences) == (BillState.EMPTY, 1)
    assert bills.kinds() == [("missing_there", "open")]


def test_missed_days_are_caught_up_once_and_days_before_the_first_order_never(bills: BillSide) -> None:
    assert plan_bills(bills.deps) == 0
    bills.paid()
    for _ in range(3):
        bills.next_day()
    assert plan_bills(bills.deps) == 3 * len(BillKind)
    assert plan_bills(bills.deps) == 0
    polls = claim_bills(bills.deps, at_most=100)
    assert len(polls) == 6
    assert claim_bills(bills.deps, at_most=100) == []
    cast("Any", bills.deps.surroundings).ahead_ms += LEASE_MS + 1
    assert work.tick(bills.deps, lambda: False) == 6
    assert work.tick(bills.deps, lambda: False) == 0
    days = bills.deps.store.read(lambda unit: unit.bills.known("wechat_v3", "1900000109", since="2026-01-01"))
    states = {bills.bill(day, kind).state for kind, day in days}
    assert states == {BillState.CHECKED, BillState.EMPTY}


def test_late_money_and_an_order_of_nobody_that_are_on_record_are_not_told_twice(bills: BillSide) -> None:
    from tests.support.objects import ACCOUNT
    from wxbackend.domain.observation import Paid
    from wxbackend.flows.report_discrepancy import report_unmatched
    from wxbackend.ports.accounts import Actor, KeyKind

    day = ""
    bills.paid()
    day = bills.next_day()
    bills.spoil(day, add=[{"out_trade_no": "nobodys", "amount": 5}])
    text = bills.side.desk("GET", f"/bills/{day}")["text"]
    (row,) = [line for line in text.splitlines() if "nobodys" in line]
    transaction = row.split(",`")[5]
    owner = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)
    paid = Paid(transaction, 5, "CNY", None, None, None, 1)

    def told(unit: Unit) -> None:
        report_unmatched(unit, bills.deps, owner, paid, out_trade_no="nobodys")

    bills.deps.store.write(told)
    assert bills.look(day).open_differences == 0
    assert bills.kinds() == [("unmatched", "open")]


def test_what_a_person_resolved_is_not_opened_again(bills: BillSide) -> None:
    from tests.support.bill_side import OWNER
    from wxbackend.flows.resolve_discrepancy import resolve_discrepancy

    bills.paid()
    day = bills.next_day()
    bills.spoil(day, add=[{"out_trade_no": "nobodys", "amount": 5}])
    bills.look(day)
    (found,) = bills.found()
    resolved = resolve_discrepancy(bills.deps, OWNER, found.id, "the stall's own till")
    again = resolve_discrepancy(bills.deps, OWNER, found.id, "another note")
    assert (resolved.note, resolved.state.value, again) == ("the stall's own till", "settled", resolved)
    assert bills.look(day).open_differences == 0
    assert bills.found() == [resolved]
    assert (bills.events("discrepancy.opened"), bills.events("discrepancy.resolved")) == (1, 1)


def test_the_looks_are_counted_and_open_differences_are_a_gauge(bills: BillSide) -> None:
    from wxbackend.flows.read_gauges import read_gauges

    bills.paid()
    day = bills.next_day()
    bills.spoil(day, add=[{"out_trade_no": "nobodys", "amount": 5}])
    bills.look(day)
    shown = bills.deps.counting.exposition(read_gauges(bills.deps)).decode()
    assert 'wxbackend_bills_total{kind="payments",result="checked"} 1.0' in shown
    assert 'wxbackend_discrepancies_open{kind="missing_here"} 1.0' in shown

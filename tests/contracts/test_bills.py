"""Bills held against the books over real HTTP and a real database: every difference found once, none invented."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.conftest import Database
from tests.support.bill_side import BillSide, bill_side
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.bill import BillKind, BillState

AT_PROVIDER = "provider:wechat_v3:1900000109"


@pytest.fixture(scope="module")
def other_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The simulated WeChat, once for the module: its keys take a while."""
    with wechat_side(tmp_path_factory.mktemp("bills")) as made:
        yield made


@pytest.fixture
def bills(database: Database, other_side: WechatSide) -> BillSide:
    """A day on which nothing happened yet."""
    return bill_side(other_side, database.store)


def test_a_day_that_fits_has_no_difference_and_its_fees_are_booked_once(bills: BillSide) -> None:
    first, _ = bills.paid(), bills.paid()
    bills.refunded(first, 500)
    day = bills.next_day()
    reports = [bills.look(day, kind) for kind in (*BillKind, *BillKind)]
    assert [report.open_differences for report in reports] == [0, 0, 0, 0]
    assert [report.bill.rows for report in reports] == [3, 5, 3, 5]
    assert {report.bill.state for report in reports} == {BillState.CHECKED}
    assert bills.found() == []
    assert bills.balance("fees") == 12 + 12 - 3
    assert bills.balance(AT_PROVIDER) == 4000 - 500 - 21


def test_every_kind_of_difference_is_found_and_classified(bills: BillSide) -> None:
    orders = {name: bills.paid() for name in ("fits", "amount", "absent", "reversed", "fee")}
    unheard = bills.paid(told=False)
    refund = bills.refunded(orders["fits"], 700, told=False)
    gone = bills.refunded(orders["fee"], 100)
    day = bills.next_day()
    bills.spoil(
        day,
        omit=[orders["absent"].out_trade_no, gone.out_refund_no],
        add=[{"out_trade_no": "nobodys", "amount": 12345}],
        change={
            orders["amount"].out_trade_no: {"amount": 1999},
            orders["reversed"].out_trade_no: {"status": "REVOKED"},
            orders["fee"].out_trade_no: {"fee": 99},
        },
    )
    report = bills.look(day)
    assert bills.kinds() == [
        ("amount", "open"),
        ("fee", "open"),
        ("missing_here", "open"),
        ("missing_there", "open"),
        ("missing_there", "open"),
        ("status", "mended"),
        ("status", "mended"),
        ("status", "open"),
    ]
    assert (report.open_differences, report.mended) == (6, 2)
    by_kind = {each.found.kind.value: each for each in bills.found() if each.state.value == "open"}
    assert by_kind["amount"].found.expected == {"amount": 2000}
    assert by_kind["amount"].found.observed["amount"] == 1999
    assert by_kind["missing_here"].found.observed == {"out_trade_no": "nobodys"}
    assert (by_kind["missing_here"].found.amount, by_kind["missing_here"].intent_id) == (12345, None)
    assert by_kind["fee"].found.expected == {"fee": 12}
    assert by_kind["fee"].intent_id == orders["fee"].intent_id
    heard = bills.deps.store.read(lambda unit: unit.attempts.find(unheard.id))
    assert heard is not None
    assert heard.state is AttemptState.PAID
    settled = bills.deps.store.read(lambda unit: unit.refunds.find(refund.id))
    assert settled is not None
    assert settled.state.value == "succeeded"
    assert bills.events("discrepancy.opened") == 8
    assert bills.events("discrepancy.resolved") == 2


def test_looked_at_again_nothing_is_opened_twice_and_what_was_mended_is_closed(bills: BillSide) -> None:
    order = bills.paid()
    day = bills.next_day()
    bills.spoil(day, change={order.out_trade_no: {"amount": 1}}, add=[{"out_trade_no": "nobodys", "amount": 5}])
    bills.look(day)
    bills.look(day)
    assert bills.kinds() == [("amount", "open"), ("missing_here", "open")]
    assert bills.balance("fees") == 0
    bills.side.desk("DELETE", f"/bills/{day}/mischief")
    assert bills.look(day).mended == 2
    assert bills.kinds() == [("amount", "mended"), ("missing_here", "mended")]
    assert (bills.events("discrepancy.opened"), bills.events("discrepancy.resolved")) == (2, 2)
    assert bills.balance("fees") == 12


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("wrong_hash", "SHA-1"),
        ("torn", "gzip"),
        ("wrong_sum", "is not the sum"),
        ("cut_row", "it is cut"),
        ("cut_end", "cut off"),
        ("no_column", "no column"),
        ("gbk", "GBK"),
    ],
)
def test_of_a_bad_bill_nothing_is_used(bills: BillSide, fault: str, words: str) -> None:
    bills.paid()
    unheard = bills.paid(told=False)
    day = bills.next_day()
    bills.spoil(day, file=fault, add=[{"out_trade_no": "nobodys", "amount": 5}])
    report = bills.look(day)
    assert report.bill.state is BillState.UNREADABLE
    assert words in report.bill.reason
    assert (bills.found(), bills.balance("fees")) == ([], 0)
    attempt = bills.deps.store.read(lambda unit: unit.attempts.find(unheard.id))
    assert attempt is not None
    assert attempt.state is AttemptState.OPEN
    bills.side.desk("DELETE", f"/bills/{day}/mischief")
    assert bills.look(day).bill.state is BillState.CHECKED
    assert bills.balance("fees") == 24


@pytest.mark.parametrize("fault", ["new_column", "other_order"])
def test_columns_are_read_by_their_names(bills: BillSide, fault: str) -> None:
    bills.paid()
    day = bills.next_day()
    bills.spoil(day, file=fault)
    assert (bills.look(day).bill.state, bills.found(), bills.balance("fees")) == (BillState.CHECKED, [], 12)


def test_a_fee_that_changes_after_it_was_booked_is_a_difference_in_both_bills(bills: BillSide) -> None:
    order = bills.paid()
    day = bills.next_day()
    assert [bills.look(day, kind).open_differences for kind in BillKind] == [0, 0]
    bills.spoil(day, change={order.out_trade_no: {"fee": 13}})
    bills.look(day, BillKind.FUNDS)
    (found,) = bills.found()
    assert (found.found.kind.value, found.found.expected, found.found.observed) == ("fee", {"fee": 12}, {"fee": 13})
    bills.look(day)
    assert bills.kinds() == [("fee", "open")]
    assert bills.balance("fees") == 12

"""Statements of the global API held against the books over real HTTP and a real database, in the order's currency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.contracts.conftest import Database
from tests.support.bill_side import BillSide, bill_side
from tests.support.global_side import MCHID_ABROAD, GlobalSide
from tests.support.wechat_side import wechat_side
from wxbackend.domain.bill import BillKind, BillState, Told
from wxbackend.domain.errors import ProviderUnknown
from wxbackend.flows.plan_bills import plan_bills
from wxbackend.ports.bills import BillNotReady, BillOffer, NoBill

AT_PROVIDER: Final = f"provider:wechat_global:{MCHID_ABROAD}"


@pytest.fixture(scope="module")
def other_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GlobalSide]:
    """The simulated WeChat, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("statements"), GlobalSide) as made:
        assert isinstance(made, GlobalSide)
        yield made


@pytest.fixture
def bills(database: Database, other_side: GlobalSide) -> BillSide:
    """A day on which nothing happened yet."""
    other_side.behave()
    return bill_side(other_side, database.store)


def offered(bills: BillSide, day: str) -> Any:
    """What is answered to the question for a statement."""
    assert isinstance(bills.side, GlobalSide)
    return bills.side.transport.send(bills.side.wechat_global.bill(BillKind.PAYMENTS, day))


def test_a_day_that_fits_has_no_difference_and_each_currency_has_books_of_its_own(bills: BillSide) -> None:
    bills.refunded(bills.paid(), 500)
    day = bills.next_day()
    reports = [bills.look(day), bills.look(day)]
    assert [(report.bill.state, report.bill.rows, report.open_differences) for report in reports] == [
        (BillState.CHECKED, 2, 0)
    ] * 2
    assert bills.found() == []
    assert (bills.balance(AT_PROVIDER, "GBP"), bills.balance("sales", "GBP")) == (1500, -2000)
    assert (bills.balance("fees", "HKD"), bills.balance(AT_PROVIDER, "HKD")) == (121 - 30, 30 - 121)
    assert (bills.balance("fees", "GBP"), bills.balance(AT_PROVIDER)) == (0, 0)


def test_a_statement_is_proven_by_its_header_and_read_row_by_row(bills: BillSide) -> None:
    attempt = bills.paid()
    bills.refunded(attempt, 500)
    day = bills.next_day()
    found = offered(bills, day)
    assert isinstance(found, BillOffer)
    assert isinstance(bills.side, GlobalSide)
    source = bills.side.wechat_global
    with closing(bills.side.transport.fetch(source.bill_file(found))) as file:
        rows = [row for batch in source.read_bill(BillKind.PAYMENTS, file) for row in batch]
    payment, refund = sorted(rows, key=lambda row: row.told.value)
    assert (payment.told, payment.number, refund.told) == (Told.PAID, attempt.out_trade_no, Told.REFUNDED)
    assert (payment.amount, payment.currency, payment.fee_currency) == (2000, "GBP", "HKD")
    assert (payment.settled, payment.fee_units, payment.rate_millionths) == (20239, 121_000, 6_000)
    assert (refund.amount, refund.currency, refund.fee_units) == (500, "GBP", -30_000)


@pytest.mark.parametrize("fault", ["unsigned", "bad_signature", "unknown_serial", "error_500_before"])
def test_a_statement_that_is_not_proven_is_not_believed(bills: BillSide, fault: str) -> None:
    bills.paid()
    day = bills.next_day()
    bills.side.misbehave(fault, "bill")
    with suppress(ProviderUnknown):
        assert isinstance(offered(bills, day), BillNotReady)
    assert isinstance(offered(bills, day), BillOffer)


def test_every_kind_of_difference_is_found(bills: BillSide) -> None:
    orders = {name: bills.paid() for name in ("fits", "amount", "currency", "absent")}
    day = bills.next_day()
    change = {orders["amount"].out_trade_no: {"amount": 1999}, orders["currency"].out_trade_no: {"currency": "USD"}}
    bills.spoil(day, omit=[orders["absent"].out_trade_no], change=change)
    bills.look(day)
    found = [(each.found.kind.value, each.found.expected) for each in bills.found()]
    assert ("amount", {"amount": 2000}) in found
    assert ("amount", {"currency": "GBP"}) in found
    assert sorted(kind for kind, _ in found) == ["amount", "amount", "missing_there"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [("wrong_hash", "SHA-1"), ("torn", "SHA-1"), ("no_column", "no column"), ("cut_row", "it is cut")],
)
def test_of_a_bad_statement_nothing_is_used(bills: BillSide, fault: str, words: str) -> None:
    bills.paid()
    day = bills.next_day()
    bills.spoil(day, file=fault)
    report = bills.look(day)
    assert report.bill.state is BillState.UNREADABLE
    assert words in report.bill.reason
    assert (bills.found(), bills.balance("fees", "HKD")) == ([], 0)


def test_a_day_without_rows_is_empty_and_one_that_is_not_over_is_put_off(bills: BillSide) -> None:
    day = bills.next_day()
    assert isinstance(offered(bills, day), NoBill)
    bills.side.misbehave("bad_signature", "bill")
    with pytest.raises(ProviderUnknown):
        offered(bills, day)
    assert isinstance(offered(bills, "2090-01-01"), BillNotReady)


def test_there_is_no_fund_flow_to_plan(bills: BillSide) -> None:
    bills.paid()
    day = bills.next_day()
    providers = replace(bills.deps)
    assert plan_bills(providers) == 1
    assert bills.bill(day).kind is BillKind.PAYMENTS

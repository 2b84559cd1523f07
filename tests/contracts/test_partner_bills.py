"""A service provider's bills held against the books: each sub-merchant's day by itself, payments and refunds alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bill_side import BillSide, bill_side
from tests.support.partner_side import OTHER_SUB_MCHID, PartnerSide
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.domain.bill import BillState
from wxbackend.domain.observation import Opened
from wxbackend.flows.plan_bills import plan_bills
from wxbackend.store.migrate import migrate
from wxbackend.store.unit import open_store


@pytest.fixture(scope="module")
def other_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The simulated WeChat, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("partner-bills"), PartnerSide) as made:
        yield made


@pytest.fixture
def bills(other_side: WechatSide, tmp_path: Path) -> Iterator[BillSide]:
    """A day on which nothing happened yet."""
    url = f"sqlite:///{tmp_path / 'bills.db'}"
    migrate(url)
    store = open_store(url)
    yield bill_side(other_side, store)
    store.close()


def test_a_day_holds_one_sub_merchant_and_nothing_of_another(bills: BillSide) -> None:
    first = bills.paid()
    bills.refunded(first, 500)
    stranger = bills.side.attempt(merchant=OTHER_SUB_MCHID)
    theirs = bills.side.adapter(mchid=OTHER_SUB_MCHID)
    assert isinstance(bills.side.send(theirs.order(stranger)), Opened)
    bills.side.pay(stranger)
    day = bills.next_day()
    assert plan_bills(bills.deps) == 1
    reports = [bills.look(day), bills.look(day)]
    assert [(report.bill.state, report.bill.rows) for report in reports] == [(BillState.CHECKED, 2)] * 2
    assert bills.found() == []
    assert bills.balance("fees") == 12 - 3

"""A merchant number has one bill, by whichever version of the API its orders were made: each is matched once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from tests.contracts.conftest import Database
from tests.support.bill_side import BillSide, Registered, bill_side
from tests.support.wechat_side import WechatSide, WechatV2Side, wechat_side
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.bill import BillKind
from wxbackend.flows.plan_bills import plan_bills

AT: Final = "provider:{}:1900000109"


class Both(Registered):
    """One merchant's number with the keys of both versions."""

    def __init__(self, side: WechatSide, older: WechatSide) -> None:
        super().__init__(side)
        self._older = older.provider

    def of(self, name: str, merchant: str) -> Any:
        """The adapter of that version."""
        return self._older if name == self._older.name else super().of(name, merchant)


@dataclass(frozen=True)
class Day:
    """A day of a merchant that orders by both; the bills are fetched by API v3."""

    newer: BillSide
    older: BillSide

    def older_paid(self, *, told: bool = True) -> Attempt:
        """An order by API v2 that was paid."""
        return self.older.paid(told=told, provider="wechat_v2")

    def looks(self, day: str) -> list[int]:
        """How many differences each look at each bill of the day leaves open."""
        return [self.newer.look(day, kind).open_differences for kind in (*BillKind, *BillKind)]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WechatSide, WechatSide]]:
    """The simulated WeChat, asked by API v3 and by API v2."""
    with (
        wechat_side(tmp_path_factory.mktemp("both")) as newer,
        closing(WechatV2Side(newer.url, newer.mailbox, newer.directory, newer.tls_url)) as older,
    ):
        yield newer, older


@pytest.fixture
def day(database: Database, sides: tuple[WechatSide, WechatSide]) -> Day:
    """On which nothing happened yet."""
    newer = bill_side(sides[0], database.store)
    newer.deps = replace(newer.deps, providers=Both(*sides))
    return Day(newer, BillSide(sides[1], newer.deps))


def test_nothing_is_invented_and_each_version_has_its_own_fees(day: Day) -> None:
    day.newer.paid()
    older = day.older_paid()
    day.older.refunded(older, 500)
    assert day.looks(day.newer.next_day()) == [0, 0, 0, 0]
    assert day.newer.found() == []
    assert day.newer.balance("fees") == 12 + 12 - 3
    assert day.newer.balance(AT.format("wechat_v3")) == 2000 - 12
    assert day.newer.balance(AT.format("wechat_v2")) == 2000 - 500 - 12 + 3


def test_what_we_were_not_told_is_asked_for_by_the_version_that_made_it(day: Day) -> None:
    unheard = day.older_paid(told=False)
    assert day.looks(day.newer.next_day()) == [0, 0, 0, 0]
    assert day.newer.kinds() == [("status", "mended")]
    found = day.newer.deps.store.read(lambda unit: unit.attempts.find(unheard.id))
    assert found is not None
    assert (found.state.value, found.provider) == ("paid", "wechat_v2")


def test_what_the_bill_lacks_and_what_we_lack_is_found_among_both(day: Day) -> None:
    lost = {day.newer.paid().out_trade_no, day.older_paid().out_trade_no}
    day.newer.paid()
    day.older_paid()
    today = day.newer.next_day()
    day.newer.spoil(today, omit=sorted(lost), add=[{"out_trade_no": "nobodys", "amount": 1}])
    assert day.newer.look(today).open_differences == 3
    missing = {each.found.expected.get("out_trade_no") for each in day.newer.found()}
    assert day.newer.kinds() == [("missing_here", "open"), ("missing_there", "open"), ("missing_there", "open")]
    assert missing == {*lost, None}
    day.newer.side.desk("DELETE", f"/bills/{today}/mischief")
    assert day.newer.look(today).open_differences == 0


def test_bills_are_planned_from_the_first_order_by_either_version(day: Day) -> None:
    day.older_paid()
    today = day.newer.next_day()
    assert plan_bills(day.newer.deps) == len(BillKind)
    assert {day.newer.bill(today, kind).day for kind in BillKind} == {today}
    assert plan_bills(day.newer.deps) == 0

"""What every provider of contracts must do, held against the other side over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any, Final

import pytest

from tests.support.wechat_side import BUYER, MINI_PROGRAM, OFFICIAL_ACCOUNT, WechatSide, wechat_side
from tests.unit.test_mandate_lifecycle import a_mandate
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import ProviderUnknown
from wxbackend.domain.mandate import Ended, Mandate, PageOpened, Signed, Told
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Accepted, Declined, Failed, Paid, Uncertain
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.provider import Exchange, Notice
from wxbackend.providers.wechat_v3.config import AutoDebit
from wxbackend.providers.wechat_v3.mandates import WechatMandates

PLAN: Final = AutoDebit(100001)
FAULTS: Final = (
    "drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "limit_429", "truncate",
    "unsigned", "bad_signature", "probe", "unknown_serial",
)  # fmt: skip


class Bench:
    """The simulated WeChat Pay, our adapter, and a buyer's hand."""

    def __init__(self, side: WechatSide) -> None:
        self.side = side
        self.provider = WechatMandates(side.wechat_v3, PLAN, side.surroundings)

    def mandate(self, appid: str = OFFICIAL_ACCOUNT, **changes: Any) -> Mandate:
        """A mandate for the default buyer that was just recorded."""
        now_ms, number = self.side.surroundings.now_ms(), self.side.surroundings.new_id()
        terminal = Terminal.MINI_PROGRAM if appid == MINI_PROGRAM else Terminal.OFFICIAL_ACCOUNT
        fields: dict[str, Any] = {
            "app": appid, "terminal": terminal, "payer": self.side.openid(appid), "expires_ms": now_ms + 7_200_000,
            "out_mandate_no": f"m{now_ms}{number}",
        }  # fmt: skip
        return a_mandate(number, **(fields | changes))

    def send(self, exchange: Exchange[Any]) -> Any:
        """Over real HTTP."""
        return self.side.transport.send(exchange)

    def signed(self, appid: str = OFFICIAL_ACCOUNT) -> Mandate:
        """A mandate that the buyer signed."""
        mandate = self.mandate(appid)
        assert isinstance(self.send(self.provider.sign(mandate)), PageOpened)
        self.side.desk("POST", f"/buyers/{BUYER}/sign", {"out_contract_code": mandate.out_mandate_no})
        said = self.send(self.provider.query_mandate(mandate))
        assert isinstance(said, Signed), said
        return replace(mandate, handle=said.handle)

    def debit(self, mandate: Mandate, **changes: Any) -> Attempt:
        """A debit under it that was just recorded."""
        return self.side.attempt(mandate.app, mandate_id=mandate.id, mandate_handle=mandate.handle, **changes)

    def end_debit(self, debit: Attempt, outcome: str) -> None:
        """Let WeChat come to a result."""
        self.side.desk("POST", f"/debits/{debit.out_trade_no}/settle", {"outcome": outcome})

    def heard(self, wanted: Callable[[Notice], bool]) -> Notice:
        """The first notice that is wanted; others may come before it."""
        for number in count(1):
            letter = self.side.mailbox.wait(number)[number - 1]
            notice = self.side.wechat_v3.read_notice(letter.headers, letter.body)
            if wanted(notice):
                return notice
        raise AssertionError

    def terminate(self, mandate: Mandate) -> None:
        """The buyer ends it inside WeChat."""
        self.side.desk("POST", f"/contracts/{mandate.out_mandate_no}/terminate")


@pytest.fixture(scope="module")
def running_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The other side, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("mandates")) as made:
        yield made


@pytest.fixture
def bench(running_side: WechatSide) -> Bench:
    """The other side behaves, and only the desk ends debits."""
    running_side.behave()
    rules = {"settle_after_s": None, "outcome": "pay", "times": None, "notice_required": False}
    running_side.desk("POST", "/debits/rules", rules)
    return Bench(running_side)


@pytest.mark.parametrize(
    ("appid", "names"), [(OFFICIAL_ACCOUNT, {"url"}), (MINI_PROGRAM, {"appId", "path", "extraData"})]
)
def test_a_page_opens_and_again_for_the_same_contract(bench: Bench, appid: str, names: set[str]) -> None:
    mandate = bench.mandate(appid)
    first = bench.send(bench.provider.sign(mandate))
    again = bench.send(bench.provider.sign(mandate))
    assert isinstance(first, PageOpened)
    assert isinstance(again, PageOpened)
    assert set(first.client_params) == names
    assert first.presentable_until_ms <= mandate.expires_ms
    assert isinstance(bench.send(bench.provider.query_mandate(mandate)), Absent)


@pytest.mark.parametrize("name", ["", "  ", "茶" * 80, "😀", "a😀b"])
def test_any_name_of_the_merchants_fits(bench: Bench, name: str) -> None:
    assert isinstance(bench.send(bench.provider.sign(bench.mandate(display_name=name))), PageOpened)


@pytest.mark.parametrize("changes", [{"payer": "oNobody"}, {"app": "wxd678efh567hg6787"}, {"app": MINI_PROGRAM}])
def test_a_wrong_payer_or_app_is_declined(bench: Bench, changes: dict[str, Any]) -> None:
    assert isinstance(bench.send(bench.provider.sign(bench.mandate(**changes))), Declined)


def test_a_plan_that_is_not_the_merchants_is_declined(bench: Bench) -> None:
    strange = WechatMandates(bench.side.wechat_v3, AutoDebit(7), bench.side.surroundings)
    assert isinstance(bench.send(strange.sign(bench.mandate())), Declined)


def test_a_signed_contract_says_who_signed_and_its_notice_says_the_same(bench: Bench) -> None:
    mandate = bench.signed()
    notice = bench.heard(lambda each: each.out_mandate_no == mandate.out_mandate_no)
    assert notice.mandate_observation == bench.send(bench.provider.query_mandate(mandate))
    assert isinstance(notice.mandate_observation, Signed)
    assert (notice.mandate_observation.payer, notice.mandate_observation.app) == (mandate.payer, mandate.app)


def test_it_is_ended_once_by_either_side_and_the_buyers_end_comes_as_a_notice(bench: Bench) -> None:
    ours = bench.signed()
    first = bench.send(bench.provider.end(ours))
    assert isinstance(first, Ended)
    assert bench.send(bench.provider.end(ours)) == first
    theirs = bench.signed()
    bench.terminate(theirs)
    notice = bench.heard(
        lambda each: each.out_mandate_no == theirs.out_mandate_no and isinstance(each.mandate_observation, Ended)
    )
    assert bench.send(bench.provider.query_mandate(theirs)) == notice.mandate_observation


def test_a_debit_is_accepted_then_paid_and_accepted_is_not_paid(bench: Bench) -> None:
    debit = bench.debit(bench.signed())
    assert isinstance(bench.send(bench.provider.query_charge(debit)), Absent)
    assert isinstance(bench.send(bench.provider.charge(debit)), Accepted)
    assert isinstance(bench.send(bench.provider.charge(debit)), Accepted)
    assert isinstance(bench.send(bench.provider.query_charge(debit)), Accepted)
    bench.end_debit(debit, "pay")
    paid = bench.send(bench.provider.query_charge(debit))
    assert isinstance(paid, Paid)
    assert (paid.amount, paid.payer, paid.app, paid.merchant) == (2000, debit.payer, debit.app, debit.merchant)
    assert bench.heard(lambda each: each.out_trade_no == debit.out_trade_no).observation == paid
    assert isinstance(bench.send(bench.provider.charge(debit)), Uncertain)
    assert bench.side.paid_in_the_books(debit) == 2000


@pytest.mark.parametrize(
    ("outcome", "decline_code"),
    [
        ("not_enough", "insufficient_funds"),
        ("limit", "limit_exceeded"),
        ("account", "invalid_account"),
        ("contract_ended", "mandate_inactive"),
    ],
)
def test_a_debit_that_fails_says_why_in_the_query_and_in_the_notice(
    bench: Bench, outcome: str, decline_code: str
) -> None:
    debit = bench.debit(bench.signed())
    bench.send(bench.provider.charge(debit))
    bench.end_debit(debit, outcome)
    said = bench.send(bench.provider.query_charge(debit))
    assert isinstance(said, Failed)
    assert said.decline_code == decline_code
    assert bench.heard(lambda each: each.out_trade_no == debit.out_trade_no).observation == said


def test_a_debit_under_an_ended_contract_is_declined_and_makes_no_order(bench: Bench) -> None:
    mandate = bench.signed()
    bench.terminate(mandate)
    debit = bench.debit(mandate)
    said = bench.send(bench.provider.charge(debit))
    assert isinstance(said, Declined)
    assert said.decline_code == "mandate_inactive"
    assert isinstance(bench.send(bench.provider.query_charge(debit)), Absent)


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, announce_by="notify")])
def test_the_buyer_must_be_told_before_the_second_debit_and_may_be_told_either_way(
    bench: Bench, plan: AutoDebit
) -> None:
    bench.side.desk("POST", "/debits/rules", {"notice_required": True})
    mandate = bench.signed()
    first, second = bench.debit(mandate), bench.debit(mandate)
    assert isinstance(bench.send(bench.provider.charge(first)), Accepted)
    bench.end_debit(first, "pay")
    untold = bench.send(bench.provider.charge(second))
    assert isinstance(untold, Declined)
    assert untold.decline_code == "debit_notice_missing"
    provider = WechatMandates(bench.side.wechat_v3, plan, bench.side.surroundings)
    told = bench.send(provider.tell(mandate, Money(2000, "CNY")))
    assert isinstance(told, Told)
    assert (told.from_day is not None) == (plan.announce_by == "schedule")
    assert isinstance(bench.send(bench.provider.charge(bench.debit(mandate))), Declined)
    bench.terminate(mandate)
    refused = bench.send(provider.tell(mandate, Money(2000, "CNY")))
    assert isinstance(refused, Declined)
    assert refused.decline_code == "mandate_inactive"


def calls(bench: Bench, mandate: Mandate) -> dict[str, Callable[[], Exchange[Any]]]:
    """Every call, about something that exists."""
    debit = bench.debit(mandate)
    return {
        "sign": lambda: bench.provider.sign(bench.mandate()),
        "contract_query": lambda: bench.provider.query_mandate(mandate),
        "debit": lambda: bench.provider.charge(debit),
        "debit_query": lambda: bench.provider.query_charge(debit),
        "debit_notice": lambda: bench.provider.tell(mandate, Money(100, "CNY")),
        "contract_terminate": lambda: bench.provider.end(mandate),
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_proves_nothing_is_never_taken_for_one(bench: Bench, fault: str) -> None:
    mandate = bench.signed()
    for name, call in calls(bench, mandate).items():
        bench.side.misbehave(fault, name)
        try:
            said = bench.send(call())
        except ProviderUnknown:
            continue
        assert isinstance(said, Uncertain), (name, said)


def test_a_refusal_of_a_debit_counts_only_when_it_is_proven(bench: Bench) -> None:
    mandate = bench.signed()
    bench.terminate(mandate)
    for fault in ("unsigned", "bad_signature", "unknown_serial"):
        bench.side.misbehave(fault, "debit")
        with pytest.raises(ProviderUnknown):
            bench.send(bench.provider.charge(bench.debit(mandate)))

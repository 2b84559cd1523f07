"""Profit sharing through the real flows, on both databases, against the simulator: no fen is shared twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contracts.conftest import Database
from tests.support.money_out import MERCHANTS, SUPPLIER, Till
from tests.support.objects import ACCOUNT
from tests.support.wechat_side import OFFICIAL_ACCOUNT, WechatSide, wechat_side
from wxbackend.domain.errors import Conflict, IdempotencyInFlight, InvalidRequest, ProviderUnknown, Rejected
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.profit_sharing import (
    Part,
    PartState,
    PartyKind,
    ProfitSharing,
    ReturnState,
    SharingReturn,
    SharingState,
)
from wxbackend.domain.refund import Refund
from wxbackend.flows.change_party import add_party, remove_party
from wxbackend.flows.create_refund import CreateRefund, create_refund
from wxbackend.flows.create_sharing import CreateSharing, create_sharing
from wxbackend.flows.once import AlreadyAnswered, AlreadyBegun, Once
from wxbackend.ports.profit_sharing import Party
from wxbackend.ports.store import IdempotentRequest

OTHER = "1900000111"
LOST = ["drop_after", "limit_429_after"]


@pytest.fixture(scope="module")
def running_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """WeChat, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("sharings")) as made:
        yield made


@pytest.fixture
def till(database: Database, running_side: WechatSide) -> Till:
    """A merchant who may share with two others, and a WeChat that behaves and lets all of an order be shared."""
    running_side.behave()
    rules = {"settle_after_s": 0, "percent_max": 100, "closed": {}, "return_fails": None, "notify_url": None}
    running_side.desk("POST", "/sharings/rules", rules)
    running_side.desk("POST", "/refunds/rules", {"min_spacing_s": 0})
    made = Till(database, running_side)
    made.allow(SUPPLIER, OTHER)
    return made


def later(till: Till) -> None:
    """WeChat takes its time with what is asked from now on."""
    till.side.desk("POST", "/sharings/rules", {"settle_after_s": 60})


def time_passes(till: Till) -> None:
    """Whatever WeChat was at is done."""
    till.side.desk("POST", "/clock", {"advance_s": 61})


def refund(till: Till, intent: PaymentIntent, amount: int) -> Refund:
    """Give some of a payment back."""
    return create_refund(till.deps, MERCHANTS, CreateRefund(intent.id, amount))


def fen(till: Till, sharing: ProfitSharing) -> int:
    """What WeChat's books gave to receivers under this number."""
    found = [each for each in till.side.desk("GET", "/sharings")["sharings"]
             if each["out_order_no"] == sharing.out_order_no]  # fmt: skip
    return sum(part["amount"] for each in found for part in each["receivers"] if part["result"] == "SUCCESS")


def test_a_sharing_is_reserved_and_booked_when_wechat_says_who_got_it(till: Till) -> None:
    later(till)
    made = till.share(till.sold(), 300, 200)
    assert made.state is SharingState.PROCESSING
    assert till.balances() == {"sharings": 500, "sharings_pending": -500}
    time_passes(till)
    till.look_at_sharings()
    ended = till.shared_again(made)
    assert ended.state is SharingState.FINISHED
    assert [part.state for part in ended.parts] == [PartState.SUCCEEDED, PartState.SUCCEEDED]
    assert till.balances() == {"sharings": 500, till.provider_account: -500}
    assert till.events() == {"profit_sharing.created": 1, "profit_sharing.updated": 2}
    assert till.side.desk("GET", "/books")["balanced"]


def test_each_receivers_result_is_its_own(till: Till) -> None:
    till.side.desk("POST", "/sharings/rules", {"closed": {OTHER: "RECEIVER_HIGH_RISK"}})
    intent = till.sold()
    made = till.share(intent, 300, 200)
    assert [(part.state, part.failure) for part in made.parts] == [
        (PartState.SUCCEEDED, None), (PartState.CLOSED, "receiver_refused"),
    ]  # fmt: skip
    assert till.balances() == {"sharings": 300, till.provider_account: -300}
    assert till.share(intent, 1700).state is SharingState.FINISHED, "what was not given may be shared anew"


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_unknown_and_the_same_number_shares_once(till: Till, fault: str) -> None:
    intent = till.sold()
    till.side.misbehave(fault, "share")
    made = till.share(intent, 300)
    assert made.state is SharingState.UNCERTAIN
    till.look_at_sharings()
    assert till.shared_again(made).state is SharingState.FINISHED
    assert len(till.their_sharings(made.transaction)) == 1
    assert fen(till, made) == 300


def test_a_call_that_never_arrived_is_sent_again(till: Till) -> None:
    till.side.misbehave("drop_before", "share")
    made = till.share(till.sold(), 300)
    assert made.state is SharingState.UNCERTAIN
    till.look_at_sharings()
    assert till.shared_again(made).state is SharingState.FINISHED
    assert fen(till, made) == 300


def test_a_refusal_frees_the_amount_and_another_number_may_follow(till: Till) -> None:
    intent = till.sold()
    refused = till.share(intent, 300, to="1900000777")
    assert (refused.state, refused.failure) == (SharingState.DECLINED, "invalid_request")
    assert till.balances() == {}
    assert till.share(intent, 2000).state is SharingState.FINISHED


def test_eight_sharings_racing_for_the_same_money_share_no_more_than_there_is(till: Till) -> None:
    intent = till.sold(1000)

    def one(_: int) -> ProfitSharing | None:
        try:
            return till.share(intent, 300)
        except InvalidRequest:
            return None

    with ThreadPoolExecutor(8) as crew:
        made = [each for each in crew.map(one, range(8)) if each is not None]
    till.look_at_sharings()
    assert len(made) == 3
    assert sum(fen(till, each) for each in made) == 900
    assert till.balances() == {"sharings": 900, till.provider_account: -900}


def test_sharings_and_refunds_racing_for_the_same_money_take_no_more_than_was_paid(till: Till) -> None:
    later(till)
    intent = till.sold(1000)

    def one(place: int) -> int:
        try:
            if place % 2:
                return till.share(intent, 300).holds()
            return refund(till, intent, 300).reserves()
        except Rejected:
            return 0

    with ThreadPoolExecutor(8) as crew:
        assert sum(crew.map(one, range(8))) <= 1000


def test_eight_equal_requests_with_one_key_share_once(till: Till) -> None:
    intent = till.sold()

    def ask(_: int) -> ProfitSharing | None:
        once = Once(IdempotentRequest(ACCOUNT, livemode=False, key="one", fingerprint="same"))
        try:
            return till.share(intent, 300, once=once)
        except (IdempotencyInFlight, AlreadyAnswered, AlreadyBegun):
            return None

    with ThreadPoolExecutor(8) as crew:
        made = [each for each in crew.map(ask, range(8)) if each is not None]
    assert len(made) == len(till.their_sharings(made[0].transaction)) == 1


def test_what_is_released_can_be_shared_no_more(till: Till) -> None:
    intent = till.sold()
    first = till.share(intent, 300)
    released = till.share(intent, finish=True)
    assert (first.state, released.state, released.parts) == (SharingState.FINISHED, SharingState.FINISHED, ())
    with pytest.raises(Conflict, match="released already"):
        till.share(intent, 1)


def test_sharing_with_finish_releases_the_rest(till: Till) -> None:
    intent = till.sold()
    made = till.share(intent, 300, finish=True)
    assert made.state is SharingState.FINISHED
    with pytest.raises(Conflict, match="released already"):
        till.share(intent, finish=True)


def test_more_than_is_left_is_refused_and_says_how_much_that_is(till: Till) -> None:
    intent = till.sold(1000)
    till.share(intent, 300)
    with pytest.raises(InvalidRequest, match="more than the 700") as refused:
        till.share(intent, 701)
    assert refused.value.param == "receivers"


def test_a_payment_that_was_not_made_to_be_shared_is_refused_and_says_how_it_is_made(till: Till) -> None:
    with pytest.raises(Conflict, match="profit_sharing"):
        till.share(till.sold(shared=False), 1)


def test_our_own_number_and_a_bad_name_are_refused_before_anything_is_recorded(till: Till) -> None:
    intent = till.sold()
    for part, param in (
        (Part(PartyKind.MERCHANT, "1900000109", 1, "us"), "receivers[0][account]"),
        (Part(PartyKind.MERCHANT, SUPPLIER, 1, "x", name="名" * 72), "receivers[0][name]"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            create_sharing(till.deps, MERCHANTS, CreateSharing(intent.id, (part,), finish=False, description="x"))
        assert refused.value.param == param
    assert (till.balances(), till.events()) == ({}, {})


def test_a_person_is_given_a_part_whose_name_is_encrypted_and_then_forgotten(till: Till) -> None:
    openid = till.side.openid(OFFICIAL_ACCOUNT)
    add_party(till.deps, MERCHANTS, Party(OFFICIAL_ACCOUNT, PartyKind.PERSON, openid, "staff"))
    intent = till.sold()
    part = Part(PartyKind.PERSON, openid, 250, "Bonus", name="小明")
    made = create_sharing(till.deps, MERCHANTS, CreateSharing(intent.id, (part,), finish=False, description="x"))
    assert (made.parts[0].state, made.parts[0].name) == (PartState.SUCCEEDED, None)
    (theirs,) = till.their_sharings(made.transaction)
    assert [(each["account"], each["amount"], each["result"]) for each in theirs["receivers"]] == [
        (openid, 250, "SUCCESS")
    ]
    assert "小明" not in str(till.side.desk("GET", "/requests?limit=10"))


def test_a_refund_of_shared_money_asks_for_its_return_first(till: Till) -> None:
    intent = till.sold(1000)
    sharing = till.share(intent, 300)
    with pytest.raises(Conflict, match="POST /v1/profit_sharing_returns") as refused:
        refund(till, intent, 701)
    assert refused.value.code == "profit_sharing_return_required"
    assert till.bring_back(sharing, 300).state is ReturnState.SUCCEEDED
    assert refund(till, intent, 1000).state.value in {"processing", "succeeded"}
    assert till.side.desk("GET", "/books")["balanced"]


def test_a_return_brings_no_more_back_than_was_given(till: Till) -> None:
    sharing = till.share(till.sold(), 300)
    first = till.bring_back(sharing, 200)
    assert first.state is ReturnState.SUCCEEDED
    assert till.balances() == {"sharings": 100, till.provider_account: -100}
    with pytest.raises(InvalidRequest, match="more than the 100"):
        till.bring_back(sharing, 101)
    with pytest.raises(InvalidRequest, match="no such receiver"):
        till.bring_back(sharing, 1, party=OTHER)


def test_eight_returns_racing_for_one_part_bring_it_back_once(till: Till) -> None:
    sharing = till.share(till.sold(), 300)

    def one(_: int) -> SharingReturn | None:
        try:
            return till.bring_back(sharing, 200)
        except InvalidRequest:
            return None

    with ThreadPoolExecutor(8) as crew:
        assert len([each for each in crew.map(one, range(8)) if each is not None]) == 1
    assert till.balances()[till.provider_account] == -100


@pytest.mark.parametrize("fault", LOST)
def test_a_returns_lost_answer_is_unknown_and_the_same_number_brings_it_back_once(till: Till, fault: str) -> None:
    sharing = till.share(till.sold(), 300)
    till.side.misbehave(fault, "share_return")
    asked = till.bring_back(sharing, 300)
    assert asked.state is ReturnState.UNCERTAIN
    till.look_at_sharings()
    assert till.returned_again(asked).state is ReturnState.SUCCEEDED
    assert till.balances() == {}


def test_a_return_that_fails_leaves_the_part_where_it_is(till: Till) -> None:
    sharing = till.share(till.sold(), 300)
    till.side.desk("POST", "/sharings/rules", {"return_fails": "BALANCE_NOT_ENOUGH"})
    failed = till.bring_back(sharing, 300)
    assert (failed.state, failed.failure) == (ReturnState.FAILED, "receiver_insufficient_funds")
    till.side.desk("POST", "/sharings/rules", {"return_fails": None})
    assert till.bring_back(sharing, 300).state is ReturnState.SUCCEEDED


def test_a_notice_makes_the_worker_ask_at_once_and_settles_nothing_by_itself(till: Till) -> None:
    later(till)
    till.side.desk("POST", "/sharings/rules", {"notify_url": till.side.mailbox.url})
    made = till.share(till.sold(), 300)
    time_passes(till)
    till.hear()
    assert till.shared_again(made).state is SharingState.PROCESSING
    due = till.database.store.write(
        lambda unit: unit.sharing_looks.claim(now_ms=till.deps.surroundings.now_ms(), lease_ms=1, limit=9)
    )
    assert [poll.item for poll in due] == [made.id]
    till.look_at_sharings()
    assert till.shared_again(made).state is SharingState.FINISHED


def test_adding_and_removing_a_receiver_may_be_repeated(till: Till) -> None:
    party = Party(OFFICIAL_ACCOUNT, PartyKind.MERCHANT, "1900000222", "supplier", name="示例商贸有限公司")
    for change in (add_party, add_party, remove_party, remove_party):
        change(till.deps, MERCHANTS, party)
    accounts = [each["account"] for each in till.side.desk("GET", "/sharings")["receivers"]]
    assert "1900000222" not in accounts


def test_an_unknown_answer_about_a_receiver_lets_the_same_request_come_again(till: Till) -> None:
    party = Party(OFFICIAL_ACCOUNT, PartyKind.MERCHANT, "1900000333", "custom", "代理商", "示例商贸有限公司")
    once = Once(IdempotentRequest(ACCOUNT, livemode=False, key="again", fingerprint="same"))
    till.side.misbehave("drop_after", "receiver")
    with pytest.raises(ProviderUnknown):
        add_party(till.deps, MERCHANTS, party, once=once)
    assert add_party(till.deps, MERCHANTS, party, once=once) == party


@pytest.mark.parametrize(
    ("party", "param"),
    [
        (Party(OFFICIAL_ACCOUNT, PartyKind.MERCHANT, "1900000109", "store", name="x"), "account"),
        (Party(OFFICIAL_ACCOUNT, PartyKind.MERCHANT, SUPPLIER, "store"), "name"),
        (Party(OFFICIAL_ACCOUNT, PartyKind.MERCHANT, SUPPLIER, "custom", name="x"), "custom_relation"),
        (Party(OFFICIAL_ACCOUNT, PartyKind.MERCHANT, "12", "store", name="x"), "account"),
        (Party("wx0000000000000000", PartyKind.MERCHANT, SUPPLIER, "store", name="x"), "app_id"),
    ],
)
def test_a_receiver_that_cannot_be_one_is_refused_with_the_parameter_named(
    till: Till, party: Party, param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        add_party(till.deps, MERCHANTS, party)
    assert refused.value.param == param

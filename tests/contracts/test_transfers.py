"""Transfers to people through the real flows, on both databases, against the simulator: paid once, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.contracts.conftest import Database
from tests.support.money_out import MERCHANTS, NAME, Till
from tests.support.objects import ACCOUNT
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.domain import transfer_lifecycle
from wxbackend.domain.errors import Conflict, IdempotencyInFlight, InvalidRequest
from wxbackend.domain.merchant_transfer import MerchantTransfer, ReportInfo
from wxbackend.domain.merchant_transfer import MerchantTransferState as State
from wxbackend.domain.money import Money
from wxbackend.domain.transfer_observation import TransferPaid
from wxbackend.flows import create_transfer as flow
from wxbackend.flows import settle_transfer
from wxbackend.flows.once import AlreadyAnswered, AlreadyBegun, Once
from wxbackend.flows.receive_notice import receive_notice
from wxbackend.ports.store import IdempotentRequest
from wxbackend.providers.wechat_v3.adapter import WechatV3

RICH = 100_000_00


@pytest.fixture(scope="module")
def running_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """WeChat, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("transfers")) as made:
        yield made


@pytest.fixture
def till(database: Database, running_side: WechatSide) -> Till:
    """A merchant with money at WeChat, and a WeChat that behaves."""
    running_side.behave()
    running_side.desk("POST", "/merchant", {"available": RICH})
    running_side.desk("POST", "/transfers/rules", {"review_s": 0, "moving_s": 0, "cancel_s": 0})
    return Till(database, running_side)


def test_a_transfer_waits_for_its_recipient_and_is_paid_once_it_is_confirmed(till: Till) -> None:
    before = till.wallet()
    made = till.transfer()
    assert made.state is State.AWAITING
    assert till.balances() == {"transfers": 500, "transfers_pending": -500}
    assert till.recipient(made)["err_msg"] == "requestMerchantTransfer:ok"
    till.hear()
    paid = till.again(made)
    assert (paid.state, paid.client_params, till.wallet() - before) == (State.PAID, None, 500)
    assert till.balances() == {"transfers": 500, till.provider_account: -500}
    assert till.events() == {"transfer.created": 1, "transfer.updated": 1, "transfer.paid": 1}


def test_a_notice_told_twice_and_a_query_after_it_change_nothing_more(till: Till) -> None:
    made = till.transfer()
    till.recipient(made)
    till.hear()
    first = till.again(made)
    till.hear()
    till.look()
    assert till.again(made) == first
    assert till.events()["transfer.paid"] == 1


def test_a_lost_notice_is_found_by_the_query(till: Till) -> None:
    made = till.transfer()
    till.side.desk("POST", "/mischief", {"notices": {"lose": 1}})
    till.recipient(made)
    till.look()
    assert till.again(made).state is State.PAID


@pytest.mark.parametrize("fault", ["drop_after", "unsigned"])
def test_a_lost_answer_is_unknown_and_the_same_number_brings_what_opens_the_confirmation(
    till: Till, fault: str
) -> None:
    till.side.misbehave(fault, "transfer")
    made = till.transfer()
    assert made.state is State.UNCERTAIN
    assert till.theirs(made)["state"] == "WAIT_USER_CONFIRM"
    till.look()
    heard = till.again(made)
    assert heard.state is State.AWAITING
    assert heard.client_params is not None
    assert len([each for each in till.side.desk("GET", "/transfers")["transfers"]
                if each["out_bill_no"] == made.out_bill_no]) == 1  # fmt: skip
    till.recipient(heard)
    till.look()
    assert till.again(made).state is State.PAID


def test_a_call_that_never_arrived_is_sent_again_with_the_same_number(till: Till) -> None:
    till.side.misbehave("drop_before", "transfer")
    made = till.transfer()
    assert made.state is State.UNCERTAIN
    till.look()
    assert till.again(made).state is State.AWAITING
    assert till.theirs(made)["out_bill_no"] == made.out_bill_no == str(made.id)


def test_a_process_that_dies_between_recording_and_sending_leaves_it_to_the_worker(till: Till) -> None:
    """The first unit alone: what a crash leaves."""
    app = flow.choose(till.deps, MERCHANTS, till.command().app)
    recorded = flow._transfer(till.deps, MERCHANTS, app, till.command())
    till.deps.store.write(lambda unit: settle_transfer.begin(unit, till.deps, transfer_lifecycle.create(recorded)))
    assert till.due() == 0, "whoever recorded it has a lease of time to send it"
    till.look()
    assert till.again(recorded).state is State.AWAITING


def test_what_a_query_finds_waiting_is_sent_again_for_what_opens_it(till: Till) -> None:
    till.side.desk("POST", "/transfers/rules", {"review_s": 3600})
    made = till.transfer()
    assert (made.state, made.client_params) == (State.ACCEPTED, None)
    till.side.desk("POST", "/clock", {"advance_s": 3601})
    till.look()
    assert (till.again(made).state, till.again(made).client_params) == (State.AWAITING, None)
    till.look()
    assert till.again(made).client_params is not None


def test_too_low_a_balance_waits_for_a_top_up_with_the_same_number(till: Till) -> None:
    till.side.desk("POST", "/merchant", {"available": 499})
    made = till.transfer()
    assert made.state is State.SHORT
    assert till.balances() == {"transfers": 500, "transfers_pending": -500}
    till.side.desk("POST", "/merchant", {"available": 500})
    till.look()
    assert till.again(made).state is State.AWAITING


def test_unconfirmed_for_a_day_it_fails_and_the_money_is_the_merchants_again(till: Till) -> None:
    made = till.transfer()
    till.side.desk("POST", "/clock", {"advance_s": 86_400})
    till.hear()
    ended = till.again(made)
    assert (ended.state, ended.failure) == (State.FAILED, "expired")
    assert till.balances() == {}
    assert till.events()["transfer.failed"] == 1


def test_leaving_the_confirmation_changes_nothing(till: Till) -> None:
    made = till.transfer()
    assert till.recipient(made, "cancel")["err_msg"] == "requestMerchantTransfer:cancel"
    till.look()
    assert till.again(made).state is State.AWAITING


def test_an_account_that_cannot_take_it_fails_with_the_reason_in_our_words(till: Till) -> None:
    made = till.transfer()
    till.recipient(made, "fail", fail_reason="PAYEE_ACCOUNT_ABNORMAL")
    till.hear()
    assert (till.again(made).state, till.again(made).failure) == (State.FAILED, "recipient_account_unusable")


def test_a_canceled_transfer_frees_the_money_when_wechat_says_so(till: Till) -> None:
    till.side.desk("POST", "/transfers/rules", {"cancel_s": 2})
    made = till.transfer()
    asked = till.cancel(made)
    assert asked.state is State.CANCELING
    assert till.balances() == {"transfers": 500, "transfers_pending": -500}
    till.side.desk("POST", "/clock", {"advance_s": 2})
    till.hear()
    assert till.again(made).state is State.CANCELED
    assert till.balances() == {}
    with pytest.raises(Conflict):
        till.cancel(made)


def test_a_cancel_that_loses_the_race_tells_the_truth(till: Till) -> None:
    made = till.transfer()
    till.side.desk("POST", "/mischief", {"notices": {"lose": 1}})
    till.recipient(made)
    assert till.cancel(made).state is State.PAID


def test_a_cancel_of_what_may_still_be_on_its_way_waits_until_it_cannot_be(till: Till) -> None:
    till.side.misbehave("drop_before", "transfer")
    made = till.transfer()
    assert till.cancel(made).state is State.UNCERTAIN, "the call may arrive yet"
    till.look()
    assert till.again(made).state is State.UNCERTAIN
    till.side.surroundings.ahead_ms = 61_000
    till.look()
    assert till.again(made).state is State.CANCELED
    assert till.balances() == {}


def test_a_refusal_moves_nothing_and_says_so(till: Till) -> None:
    made = till.transfer(openid="oNobodyKnowsThisOne")
    assert (made.state, made.failure) == (State.DECLINED, "invalid_request")
    assert till.balances() == {}
    assert till.events() == {"transfer.created": 1, "transfer.failed": 1}


def test_a_refusal_after_an_unknown_answer_is_believed_only_when_a_query_agrees(till: Till) -> None:
    """WeChat took the first call, its answer got lost, and the repeat is refused for another reason."""
    till.side.misbehave("drop_after", "transfer")
    made = till.transfer()
    change_description(till, made)
    till.look()
    heard = till.again(made)
    assert heard.state is State.AWAITING, "the query knows it, so the refusal of the repeat says nothing"


def change_description(till: Till, made: MerchantTransfer) -> None:
    """What WeChat refuses to take under the same number."""
    engine = create_engine(till.database.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE merchant_transfers SET description = 'x' WHERE id = :id"), {"id": made.id})
    engine.dispose()


def test_a_name_goes_out_encrypted_and_is_forgotten_at_the_end(till: Till) -> None:
    made = till.transfer(money=Money(200_000, "CNY"), name=NAME)
    assert made.state is State.AWAITING
    bodies = str(till.side.desk("GET", "/requests?limit=5"))
    assert NAME not in bodies
    assert till.theirs(made)["named"] is True
    till.recipient(made)
    till.hear()
    assert (till.again(made).state, till.again(made).payee_name) == (State.PAID, None)


def test_without_the_public_key_a_name_is_encrypted_for_the_newest_certificate(till: Till) -> None:
    adapter = till.side.adapter(with_public_key=False)
    assert isinstance(adapter, WechatV3)
    adapter.trust(till.side.transport.send(adapter.certificates()))
    app = flow.choose(till.deps, MERCHANTS, till.command().app)
    asked = flow._transfer(till.deps, MERCHANTS, app, till.command(money=Money(200_000, "CNY"), name=NAME))
    exchange = adapter.transfer(asked)
    assert not exchange.headers["Wechatpay-Serial"].startswith("PUB_KEY_ID")
    assert type(till.side.transport.send(exchange)).__name__ == "TransferAwaiting"


def test_a_wrong_name_fails(till: Till) -> None:
    made = till.transfer(money=Money(200_000, "CNY"), name="小红")
    till.recipient(made)
    till.hear()
    assert (till.again(made).state, till.again(made).failure) == (State.FAILED, "recipient_name_mismatch")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"scene": "7"}, "scene"),
        ({"reports": (ReportInfo("岗位类型", "x"),)}, "scene_report"),
        ({"money": Money(200_000, "CNY")}, "destination[name]"),
        ({"money": Money(29, "CNY"), "name": NAME}, "destination[name]"),
        ({"name": "名" * 72}, "destination[name]"),
        ({"money": Money(500, "USD")}, "currency"),
        ({"app": None}, "destination[app_id]"),
        ({"app": "wx0000000000000000"}, "destination[app_id]"),
    ],
)
def test_what_wechat_would_refuse_is_refused_before_anything_is_recorded(
    till: Till, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        till.transfer(**changes)
    assert refused.value.param == param
    assert (till.all_transfers(), till.balances(), till.events()) == ([], {}, {})


def test_eight_equal_requests_with_one_key_make_one_transfer(till: Till) -> None:
    def ask(_: int) -> MerchantTransfer | None:
        once = Once(IdempotentRequest(ACCOUNT, livemode=False, key="one", fingerprint="same"))
        try:
            return till.transfer(once=once)
        except (IdempotencyInFlight, AlreadyAnswered, AlreadyBegun):
            return None

    with ThreadPoolExecutor(8) as crew:
        made = [found for found in crew.map(ask, range(8)) if found is not None]
    assert [each.id for each in made] == [each.id for each in till.all_transfers()]
    assert len(made) == 1


def test_a_notice_that_is_not_wechats_moves_nothing(till: Till) -> None:
    made = till.transfer()
    till.recipient(made)
    (letter,) = till.side.mailbox.wait()
    forged = letter.body.replace(b'"ciphertext":"', b'"ciphertext":"A')
    answer = receive_notice(till.deps, till.side.provider, letter.headers, forged).answer
    unsigned = receive_notice(till.deps, till.side.provider, {}, letter.body).answer
    assert (answer.status, unsigned.status) == (401, 401)
    assert till.again(made).state is State.AWAITING


def test_another_amount_than_ours_is_never_believed(till: Till) -> None:
    made = till.transfer()
    said = TransferPaid("1", 1, 499)
    after = till.deps.store.write(lambda unit: settle_transfer.settle_transfer(unit, till.deps, made.id, said))
    assert after.state is State.AWAITING
    assert till.events()["transfer.paid"] == 0

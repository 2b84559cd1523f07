"""What a provider's port for money that goes out must do, held against the simulator over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import uuid4

import orjson
import pytest

from tests.support.money_out import NAME, REPORTS, SUPPLIER
from tests.support.objects import ACCOUNT, MERCHANT
from tests.support.wechat_side import MINI_PROGRAM, OFFICIAL_ACCOUNT, WechatSide, wechat_side
from wxbackend.domain.errors import ProviderUnknown
from wxbackend.domain.merchant_transfer import MerchantTransfer
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Paid, Uncertain
from wxbackend.domain.profit_sharing import Part, PartyKind, ProfitSharing, SharingReturn
from wxbackend.domain.sharing_observation import ReturnSucceeded, SharingFinished
from wxbackend.ports.money_out import gives_money
from wxbackend.ports.profit_sharing import Party, shares_profit
from wxbackend.ports.provider import Exchange

PROVING_NOTHING: Final = ("drop_after", "error_500_after", "limit_429", "unsigned")
CALLS: Final = {
    "transfer": "transfer", "query_transfer": "transfer_query", "cancel_transfer": "transfer_cancel",
    "share": "share", "query_sharing": "share_query", "return_share": "share_return",
    "query_return": "share_return_query",
}  # fmt: skip


@pytest.fixture(scope="module")
def running_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """WeChat, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("money-out")) as made:
        made.desk("POST", "/merchant", {"top_up": 1_000_000})
        made.desk("POST", "/sharings/rules", {"percent_max": 100})
        party = Party(OFFICIAL_ACCOUNT, PartyKind.MERCHANT, SUPPLIER, "supplier", name="示例商贸有限公司")
        assert made.transport.send(made.wechat_v3.add_party(party)) is None
        yield made


@pytest.fixture
def side(running_side: WechatSide) -> WechatSide:
    """The other side, behaving."""
    running_side.behave()
    return running_side


def a_transfer(side: WechatSide, **changes: Any) -> MerchantTransfer:
    """A transfer that was just recorded."""
    fields: dict[str, Any] = {"money": Money(500, "CNY"), "reports": REPORTS} | changes
    return MerchantTransfer(
        id=1, account=ACCOUNT, livemode=False, provider="wechat_v3", merchant=MERCHANT, app=MINI_PROGRAM,
        payee=side.openid(MINI_PROGRAM), out_bill_no=uuid4().hex, description="Commission", scene="1005",
        created_ms=1, sent_ms=1, **fields,
    )  # fmt: skip


def a_sharing(side: WechatSide, *, parts: tuple[Part, ...] | None = None, finish: bool = False) -> ProfitSharing:
    """A sharing of an order that was just paid."""
    attempt = side.attempt(profit_sharing=True)
    side.open(attempt)
    side.pay(attempt)
    truth = side.send(side.wechat_v3.query(attempt))
    assert isinstance(truth, Paid)
    given = (Part(PartyKind.MERCHANT, SUPPLIER, 300, "Supplier"),) if parts is None else parts
    return ProfitSharing(
        id=1, intent_id=1, attempt_id=attempt.id, account=ACCOUNT, livemode=False, provider="wechat_v3",
        merchant=MERCHANT, app=OFFICIAL_ACCOUNT, transaction=truth.transaction, out_order_no=uuid4().hex,
        currency="CNY", parts=given, finish=finish, description="Sharing", created_ms=1, sent_ms=1,
    )  # fmt: skip


def a_return(sharing: ProfitSharing) -> SharingReturn:
    """A return of some of its only part."""
    return SharingReturn(
        id=1, sharing_id=1, intent_id=1, account=ACCOUNT, livemode=False, provider="wechat_v3", merchant=MERCHANT,
        out_order_no=sharing.out_order_no, out_return_no=uuid4().hex, party=SUPPLIER, money=Money(100, "CNY"),
        description="Refund", created_ms=1, sent_ms=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def prepared(running_side: WechatSide) -> dict[str, Callable[[], Exchange[Any]]]:
    """Each call, about something that is there; built anew each time, as a signature has its time."""
    side = running_side
    provider, transfer, sharing = side.wechat_v3, a_transfer(side), a_sharing(side)
    returned = a_return(sharing)
    side.transport.send(provider.transfer(transfer))
    side.transport.send(provider.share(sharing))
    side.transport.send(provider.return_share(returned))
    return {
        "transfer": lambda: provider.transfer(transfer),
        "query_transfer": lambda: provider.query_transfer(transfer),
        "cancel_transfer": lambda: provider.cancel_transfer(transfer),
        "share": lambda: provider.share(sharing),
        "query_sharing": lambda: provider.query_sharing(sharing),
        "return_share": lambda: provider.return_share(returned),
        "query_return": lambda: provider.query_return(returned),
    }


@pytest.mark.parametrize("fault", PROVING_NOTHING)
@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_proves_nothing_is_unknown(
    side: WechatSide, prepared: dict[str, Callable[[], Exchange[Any]]], call: str, fault: str
) -> None:
    side.misbehave(fault, CALLS[call])
    try:
        said = side.transport.send(prepared[call]())
    except ProviderUnknown:
        return
    assert isinstance(said, Uncertain), said


def test_the_adapter_offers_both_ports(side: WechatSide) -> None:
    assert gives_money(side.wechat_v3)
    assert shares_profit(side.wechat_v3)
    assert not gives_money(None)


def test_what_was_never_made_is_absent(side: WechatSide) -> None:
    sharing = a_sharing(side)
    provider = side.wechat_v3
    assert side.transport.send(provider.query_transfer(a_transfer(side))) == Absent()
    assert side.transport.send(provider.cancel_transfer(a_transfer(side))) == Absent()
    assert side.transport.send(provider.query_sharing(sharing)) == Absent()
    assert side.transport.send(provider.query_return(a_return(sharing))) == Absent()


def test_the_same_transfer_is_the_same_request_but_for_what_is_encrypted(side: WechatSide) -> None:
    plain, named = a_transfer(side), a_transfer(side, money=Money(200_000, "CNY"), payee_name=NAME)
    assert side.wechat_v3.transfer(plain).body == side.wechat_v3.transfer(plain).body
    first, second = (orjson.loads(side.wechat_v3.transfer(named).body) for _ in range(2))
    assert first.pop("user_name") != second.pop("user_name")
    assert first == second
    assert NAME.encode() not in side.wechat_v3.transfer(named).body


def test_a_sharing_and_a_return_end_with_what_can_be_compared(side: WechatSide) -> None:
    sharing = a_sharing(side)
    said = side.transport.send(side.wechat_v3.share(sharing))
    assert isinstance(said, SharingFinished)
    assert [(each.party, each.amount) for each in said.results] == [(SUPPLIER, 300)]
    back = side.transport.send(side.wechat_v3.return_share(a_return(sharing)))
    assert isinstance(back, ReturnSucceeded)
    assert back.amount == 100


def test_only_an_order_that_shall_be_shared_says_so(side: WechatSide) -> None:
    shared, plain = (
        orjson.loads(side.wechat_v3.order(side.attempt(profit_sharing=flag)).body) for flag in (True, False)
    )
    assert shared["settle_info"] == {"profit_sharing": True}
    assert "settle_info" not in plain

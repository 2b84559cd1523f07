"""The simulated contracts and debits are as strict as WeChat: wrong fields, states, hours and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import orjson
import pytest

from tests.contracts.test_mandate_provider import PLAN, Bench
from tests.support.wechat_side import BUYER, MINI_PROGRAM, OFFICIAL_ACCOUNT, WechatSide, wechat_side
from wxbackend.domain.money import Money
from wxbackend.ports.provider import Exchange, Reply
from wxbackend.providers.wechat_v3 import mandate_wire

DAY_S: Final = 86_400


@pytest.fixture(scope="module")
def running_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The simulator, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("contracts")) as made:
        yield made


@pytest.fixture
def bench(running_side: WechatSide) -> Bench:
    """Only the desk ends debits, and the buyer must be told."""
    running_side.desk("POST", "/reset")
    rules = {"settle_after_s": None, "outcome": "pay", "times": None, "notice_required": True}
    running_side.desk("POST", "/debits/rules", rules)
    return Bench(running_side)


def post(bench: Bench, target: str, body: dict[str, Any], method: str = "POST") -> tuple[int, str, str]:
    """Send a body as it stands; status, code and field of the answer."""
    raw = orjson.dumps(body) if method == "POST" else b""

    def read(reply: Reply) -> tuple[int, str, str]:
        told = orjson.loads(reply.body) if reply.body else {}
        return reply.status, told.get("code", ""), told.get("detail", {}).get("field", "")

    exchange: Exchange[tuple[int, str, str]] = bench.side.wechat_v3.exchange("raw", method, target, raw, read)
    return bench.side.transport.send(exchange)


def sign_body(bench: Bench, **changes: Any) -> dict[str, Any]:
    """A right body to sign with, and changes; None leaves a member out."""
    mandate = bench.mandate()
    body = orjson.loads(mandate_wire.sign_body(mandate, PLAN, notify_url=bench.side.mailbox.url)) | changes
    return {name: value for name, value in body.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"appid": None}, "PARAM_ERROR", "/appid"),
        ({"plan_id": "100001"}, "PARAM_ERROR", "/plan_id"),
        ({"plan_id": 7}, "PARAM_ERROR", "/plan_id"),
        ({"out_contract_code": "a b"}, "PARAM_ERROR", "/out_contract_code"),
        ({"out_contract_code": "x" * 33}, "PARAM_ERROR", "/out_contract_code"),
        ({"contract_display_account": ""}, "PARAM_ERROR", "/contract_display_account"),
        ({"contract_display_account": "😀"}, "PARAM_ERROR", "/contract_display_account"),
        ({"contract_notify_url": "https://a.example/x?y=1"}, "PARAM_ERROR", "/notify_url"),
        ({"openid": "oNobody"}, "INVALID_REQUEST", ""),
        ({"appid": "wxd678efh567hg6787"}, "APPID_MCHID_NOT_MATCH", ""),
        ({"appid": MINI_PROGRAM}, "PARAM_ERROR", "/appid"),
        ({"return_url": "https://a.example"}, "PARAM_ERROR", "/return_url"),
    ],
)
def test_a_wrong_wish_to_sign_is_refused_as_wechat_does(
    bench: Bench, changes: dict[str, Any], code: str, field: str
) -> None:
    assert post(bench, f"{mandate_wire.SIGN_PATH}/jsapi", sign_body(bench, **changes)) == (400, code, field)
    assert bench.side.desk("GET", "/contracts")["contracts"] == []


def test_a_number_is_one_contract_for_ever(bench: Bench) -> None:
    body, target = sign_body(bench), f"{mandate_wire.SIGN_PATH}/jsapi"
    assert post(bench, target, body)[0] == 200
    assert post(bench, target, body)[0] == 200
    assert post(bench, target, body | {"out_user_code": "another"})[:2] == (400, "INVALID_REQUEST")
    bench.side.desk("POST", f"/buyers/{BUYER}/sign", {"out_contract_code": body["out_contract_code"]})
    assert post(bench, target, body)[:2] == (400, "INVALID_REQUEST")


def test_nobody_but_the_named_buyer_signs_and_a_page_lasts_half_an_hour(bench: Bench) -> None:
    said = bench.send(bench.provider.sign(bench.mandate(OFFICIAL_ACCOUNT)))
    page = said.client_params["url"].partition("=")[2]
    stranger = bench.side.desk("POST", "/buyers", {})["id"]
    with pytest.raises(AssertionError, match="another buyer"):
        bench.side.desk("POST", f"/buyers/{stranger}/sign", {"page": page})
    bench.side.desk("POST", "/clock", {"advance_s": 1801})
    with pytest.raises(AssertionError, match="its time is over"):
        bench.side.desk("POST", f"/buyers/{BUYER}/sign", {"page": page})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"contract_id": "1"}, (404, "CONTRACT_NOT_EXIST", "")),
        ({"appid": MINI_PROGRAM}, (404, "CONTRACT_NOT_EXIST", "")),
        ({"amount": {"total": 0}}, (400, "PARAM_ERROR", "/amount/total")),
        ({"amount": {"total": 5, "currency": "USD"}}, (400, "INVALID_REQUEST", "")),
        ({"notify_url": "https://a.example/x"}, (400, "PARAM_ERROR", "/notify_url")),
        ({"out_trade_no": "short"}, (400, "PARAM_ERROR", "/out_trade_no")),
    ],
)
def test_a_wrong_debit_is_refused_as_wechat_does(
    bench: Bench, changes: dict[str, Any], told: tuple[int, str, str]
) -> None:
    debit = bench.debit(bench.signed())
    body = orjson.loads(mandate_wire.charge_body(debit, notify_url=bench.side.mailbox.url))
    assert post(bench, mandate_wire.CHARGE_PATH, body | changes) == told
    assert bench.side.desk("GET", "/orders")["orders"] == []


def test_a_debits_number_is_used_once(bench: Bench) -> None:
    debit = bench.debit(bench.signed())
    body = orjson.loads(mandate_wire.charge_body(debit, notify_url=bench.side.mailbox.url))
    assert post(bench, mandate_wire.CHARGE_PATH, body)[0] == 200
    assert post(bench, mandate_wire.CHARGE_PATH, body)[0] == 200
    assert post(bench, mandate_wire.CHARGE_PATH, body | {"description": "other"})[:2] == (400, "INVALID_REQUEST")
    close = f"/v3/pay/transactions/out-trade-no/{debit.out_trade_no}/close"
    assert post(bench, close, {"mchid": debit.merchant})[:2] == (400, "INVALID_REQUEST")
    bench.end_debit(debit, "pay")
    assert post(bench, mandate_wire.CHARGE_PATH, body)[:2] == (400, "ORDER_PAID")
    books = bench.side.desk("GET", "/books")
    assert (books["paid_count"], books["balanced"]) == (1, True)


def test_the_hours_and_the_amount_of_a_debit_follow_what_the_buyer_was_told(bench: Bench) -> None:
    mandate = bench.signed()
    first = bench.debit(mandate)
    bench.send(bench.provider.charge(first))
    bench.end_debit(first, "pay")
    bench.send(bench.provider.tell(mandate, Money(2000, "CNY")))

    def tries(**changes: Any) -> int:
        debit = bench.debit(mandate, **changes)
        body = mandate_wire.charge_body(debit, notify_url=bench.side.mailbox.url)
        return post(bench, mandate_wire.CHARGE_PATH, orjson.loads(body))[0]

    assert tries() == 403
    opens_at = bench.side.desk("GET", f"/contracts/{mandate.out_mandate_no}")["schedule"]["opens_at"]
    assert opens_at[11:16] == "07:00"
    now = bench.side.desk("GET", "/clock")["now"]

    ahead_s = (datetime.fromisoformat(opens_at) - datetime.fromisoformat(now)).total_seconds()
    bench.side.desk("POST", "/clock", {"advance_s": ahead_s + 3600})
    assert tries(money=Money(2001, "CNY")) == 403
    bench.side.desk("POST", "/clock", {"advance_s": 16 * 3600})
    assert tries() == 403
    bench.side.desk("POST", "/clock", {"advance_s": 9 * 3600})
    assert tries() == 200
    bench.side.desk("POST", "/clock", {"advance_s": 9 * DAY_S})
    assert tries() == 403

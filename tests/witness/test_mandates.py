"""Auto-debit contracts: what our adapter sends and the simulator answers fits the description, where it has one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import orjson
import pytest

from tests.contracts.test_mandate_provider import PLAN, Bench
from tests.support.wechat_side import MINI_PROGRAM, OFFICIAL_ACCOUNT
from tests.witness.description import Description, answer_faults, faults
from tests.witness.listening import Wire, check
from wxbackend.domain.mandate import Mandate
from wxbackend.domain.money import Money
from wxbackend.ports.provider import Exchange
from wxbackend.providers.wechat_v3.mandates import WechatMandates
from wxbackend.providers.wechat_v3.signing import unseal

CONTRACT: Final = "/v3/papay/sign/contracts/plan-id/100001/out-contract-code/m1"


@pytest.fixture
def bench(wire: Wire) -> Bench:
    """Nobody need be told of a debit first."""
    wire.side.desk("POST", "/debits/rules", {"settle_after_s": 0, "notice_required": False})
    return Bench(wire.side)


def fits(described: Description, wire: Wire, exchange: Exchange[Any]) -> None:
    """Send it; request and answer fit."""
    wire.send(exchange)
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert reply.status in (200, 204)
    assert answer_faults(operation, reply.status, reply.body) == []


@pytest.mark.parametrize("appid", [OFFICIAL_ACCOUNT, MINI_PROGRAM])
@pytest.mark.parametrize("name", ["user77", "茶" * 40])
def test_a_page_to_sign_on_fits(described: Description, wire: Wire, bench: Bench, appid: str, name: str) -> None:
    fits(described, wire, bench.provider.sign(bench.mandate(appid, display_name=name)))


CALLS: Final[dict[str, Callable[[Bench, Mandate], Exchange[Any]]]] = {
    "query": lambda bench, mandate: bench.provider.query_mandate(mandate),
    "debit": lambda bench, mandate: bench.provider.charge(bench.debit(mandate)),
    "schedule": lambda bench, mandate: bench.provider.tell(mandate, Money(300, "CNY")),
    "notify": lambda bench, mandate: WechatMandates(
        bench.side.wechat_v3, replace(PLAN, announce_by="notify"), bench.side.surroundings
    ).tell(mandate, Money(300, "CNY")),
    "end": lambda bench, mandate: bench.provider.end(mandate),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_about_a_signed_contract_fits(described: Description, wire: Wire, bench: Bench, call: str) -> None:
    fits(described, wire, CALLS[call](bench, bench.signed()))


def test_an_ended_contract_fits(described: Description, wire: Wire, bench: Bench) -> None:
    mandate = bench.signed()
    bench.terminate(mandate)
    fits(described, wire, bench.provider.query_mandate(mandate))


def test_the_notice_of_a_contract_holds_what_the_query_holds(described: Description, wire: Wire, bench: Bench) -> None:
    bench.signed()
    sealed = orjson.loads(wire.side.mailbox.wait()[0].body)["resource"]
    key = (wire.side.directory / "merchant" / "apiv3_key.txt").read_bytes().strip()
    plain = unseal((key,), **{name: sealed[name] for name in ("nonce", "associated_data", "ciphertext")})
    schema = described.operation("GET", CONTRACT).responses[200]
    assert faults(schema, orjson.loads(plain), where="notice/") == []

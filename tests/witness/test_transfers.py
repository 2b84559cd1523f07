"""Merchant transfers: what our adapter sends and what the simulator answers fits the description."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

import pytest

from tests.support.money_out import NAME, REPORTS
from tests.support.objects import ACCOUNT
from tests.support.stack import MCHID
from tests.support.wechat_side import MINI_PROGRAM
from tests.witness.description import Description, answer_faults
from tests.witness.listening import Wire, check
from wxbackend.domain.merchant_transfer import MerchantTransfer
from wxbackend.domain.money import Money

KINDS: Final[dict[str, dict[str, Any]]] = {
    "small": {},
    "named": {"money": Money(200_000, "CNY"), "payee_name": NAME},
    "perceived": {"perception": "劳务报酬"},
}


def a_transfer(wire: Wire, **changes: Any) -> MerchantTransfer:
    """A transfer that was just recorded."""
    wire.side.desk("POST", "/merchant", {"top_up": 1_000_000})
    fields: dict[str, Any] = {"money": Money(500, "CNY"), "reports": REPORTS} | changes
    return MerchantTransfer(
        id=1,
        account=ACCOUNT,
        livemode=False,
        provider="wechat_v3",
        merchant=MCHID,
        app=MINI_PROGRAM,
        payee=wire.side.openid(MINI_PROGRAM),
        out_bill_no=uuid4().hex,
        description="June commission",
        scene="1005",
        created_ms=1,
        sent_ms=1,
        **fields,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_transfer_its_repeat_its_query_and_its_cancel_fit(described: Description, wire: Wire, kind: str) -> None:
    transfer, provider = a_transfer(wire, **KINDS[kind]), wire.side.wechat_v3
    calls = (provider.transfer, provider.transfer, provider.query_transfer, provider.cancel_transfer)
    for call in (*calls, provider.query_transfer):
        wire.send(call(transfer))
        operation = check(described, wire)
        reply = wire.seen[-1][1]
        assert reply.status == 200, reply.body
        assert answer_faults(operation, reply.status, reply.body) == []

"""Profit sharing: what our adapter sends and what the simulator answers fits the description."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.test_provider_money_out import a_return, a_sharing
from tests.support.money_out import SUPPLIER
from tests.support.wechat_side import OFFICIAL_ACCOUNT
from tests.witness.description import Description, answer_faults
from tests.witness.listening import Wire, check
from wxbackend.domain.profit_sharing import Part, PartyKind
from wxbackend.ports.profit_sharing import Party
from wxbackend.ports.provider import Exchange

PARTS = {
    "shared": ((Part(PartyKind.MERCHANT, SUPPLIER, 300, "Supplier"),), False),
    "named": ((Part(PartyKind.MERCHANT, SUPPLIER, 300, "Supplier", name="示例商贸有限公司"),), True),
}


def fits(described: Description, wire: Wire, exchange: Exchange[Any], *, besides: str = "") -> None:
    """The call and its answer fit, besides what the description has wrong."""
    wire.send(exchange)
    operation, reply = check(described, wire), wire.seen[-1][1]
    assert reply.status == 200, reply.body
    faults = answer_faults(operation, reply.status, reply.body)
    assert [fault for fault in faults if not besides or besides not in fault] == []


@pytest.mark.parametrize("kind", PARTS)
def test_receivers_a_sharing_its_query_and_its_return_fit(described: Description, wire: Wire, kind: str) -> None:
    provider = wire.side.wechat_v3
    wire.side.desk("POST", "/sharings/rules", {"percent_max": 100})
    party = Party(OFFICIAL_ACCOUNT, PartyKind.MERCHANT, SUPPLIER, "supplier", name="示例商贸有限公司")
    fits(described, wire, provider.add_party(party))
    parts, finish = PARTS[kind]
    sharing = a_sharing(wire.side, parts=parts, finish=finish)
    fits(described, wire, provider.share(sharing))
    # The description of the query has the reasons of failures where the results are, and the results as states.
    fits(described, wire, provider.query_sharing(sharing), besides="is not one of")
    returned = a_return(sharing)
    fits(described, wire, provider.return_share(returned))
    fits(described, wire, provider.query_return(returned))
    fits(described, wire, provider.remove_party(party))


def test_the_release_of_what_remains_fits(described: Description, wire: Wire) -> None:
    fits(described, wire, wire.side.wechat_v3.share(a_sharing(wire.side, parts=(), finish=True)))

"""A wire that keeps what went over it, and the check that a call fits its description."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.support.partner_side import PartnerSide
from tests.support.wechat_side import WechatSide
from tests.witness.description import Description, Operation, request_faults
from wxbackend.domain.attempt import Attempt
from wxbackend.ports.provider import Exchange, Reply

IN_BOTH_MODES: Final = pytest.mark.parametrize(
    "side", [WechatSide, PartnerSide], indirect=True, ids=["direct", "partner"]
)
"""A merchant that signs for itself, and a service provider that signs for a sub-merchant."""


@dataclass
class Wire:
    """Sends exchanges and keeps what went over the wire."""

    side: WechatSide
    seen: list[tuple[Exchange[Any], Reply]] = field(default_factory=list)

    def send(self, exchange: Exchange[Any]) -> Any:
        """Send it; what it reads."""

        def read(reply: Reply) -> Any:
            self.seen.append((exchange, reply))
            return exchange.read(reply)

        parts = (exchange.purpose, exchange.method, exchange.hosts, exchange.target, exchange.headers, exchange.body)
        return self.side.transport.send(Exchange(*parts, read))


ONE_OF_TWO: Final = 'body/payer: "sp_openid" is a required property'
"""WeChat takes the payer's openid in either app (reference: WeChat Pay v3 orders, partner columns), and so does the
description of the mini program's order; the one that all JSAPI orders go by wants the service provider's always."""


def check(described: Description, wire: Wire) -> Operation:
    """The last call fits; its operation."""
    exchange, _ = wire.seen[-1]
    operation = described.operation(exchange.method, exchange.target)
    found = request_faults(operation, exchange.target, dict(exchange.headers), exchange.body)
    either = b'"sub_openid"' in exchange.body
    assert [fault for fault in found if not (either and fault == ONE_OF_TWO)] == []
    return operation


def unpaid(wire: Wire) -> Attempt:
    """An open order."""
    attempt = wire.side.attempt()
    wire.side.open(attempt)
    return attempt


def paid(wire: Wire) -> Attempt:
    """A paid order."""
    attempt = unpaid(wire)
    wire.side.pay(attempt)
    return attempt

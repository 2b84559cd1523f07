"""Combined orders (合单支付): how several orders are spelled as one, and how the answers and notices are read.

Reference: WeChat Pay v3 combine orders (doc/v3/merchant/4012556926). The amounts have other names here than in an
order of its own, and only the endpoints for combined orders know these orders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import orjson

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import UnreadableMessage
from wxbackend.domain.observation import Closed, Observation, Paid, Pending, Uncertain
from wxbackend.domain.payment_group import EachTold, GroupObservation, number_of, of_member
from wxbackend.domain.terminal import NEEDS_PAYER, Terminal
from wxbackend.ports.provider import Exchange, Reply
from wxbackend.providers.wechat_v3 import mapping, wire
from wxbackend.providers.wechat_v3.config import MerchantConfig

T = TypeVar("T")

PATH: Final = "/v3/combine-transactions"
DEVICE: Final = "WEB"
"""What WeChat wants to hear of a device that is a page (reference: WeChat Pay v2 device_info)."""


class Line(Protocol):
    """What these exchanges need of the adapter."""

    _config: MerchantConfig

    def _exchange(
        self, purpose: str, method: str, target: str, body: bytes, read: Callable[[Reply], T]
    ) -> Exchange[T]: ...

    def _prove(self, reply: Reply) -> None: ...

    def _error(self, reply: Reply) -> tuple[str, str, str]: ...

    def _read_order(self, attempt: Attempt, reply: Reply) -> Observation: ...

    def _read_group(self, first: Attempt, reply: Reply) -> GroupObservation: ...


class CombinedCalls:
    """See `ports.combined.Combines`."""

    def order_group(self: Line, attempts: Sequence[Attempt]) -> Exchange[Observation]:
        """Order all at once, by where the buyer stands (doc/v3/merchant/4012556926)."""
        first = attempts[0]
        body = order_body(attempts, notify_url=self._config.notify_url)
        target = f"{PATH}/{wire.PRODUCTS[first.terminal]}"
        return self._exchange("order", "POST", target, body, lambda reply: self._read_order(first, reply))

    def query_group(self: Line, attempts: Sequence[Attempt]) -> Exchange[GroupObservation]:
        """Ask for all by the combined order's number (doc/v3/merchant/4012557006)."""
        first = attempts[0]
        return self._exchange("query", "GET", target_of(first), b"", lambda reply: self._read_group(first, reply))

    def query_member(self: Line, attempt: Attempt) -> Exchange[Observation]:
        """Ask for all, and hear of one."""

        def read(reply: Reply) -> Observation:
            return of_member(self._read_group(attempt, reply), attempt)

        return self._exchange("query", "GET", target_of(attempt), b"", read)

    def close_group(self: Line, attempts: Sequence[Attempt]) -> Exchange[Observation]:
        """Close all of them; the list must be the one that was ordered (doc/v3/merchant/4012557010)."""

        def read(reply: Reply) -> Observation:
            if reply.status in (200, 204):
                self._prove(reply)
                return Closed("closed by us")
            code, _, _ = self._error(reply)
            if code in mapping.NOT_KNOWN or code in mapping.ALREADY_CLOSED:
                self._prove(reply)
            return mapping.of_close_error(reply.status, code)

        return self._exchange("close", "POST", f"{target_of(attempts[0])}/close", close_body(attempts), read)

    def _read_group(self: Line, first: Attempt, reply: Reply) -> GroupObservation:
        if reply.status != 200:
            code, _, _ = self._error(reply)
            if code in mapping.NOT_KNOWN:
                self._prove(reply)
            return mapping.of_query_error(reply.status, code)
        self._prove(reply)
        try:
            answer = wire.parse_object(reply.body)
            if combined_number(answer) != _number(first):
                raise UnreadableMessage("the answer is about another combined order")
            return of_combined(answer)
        except UnreadableMessage as error:
            return Uncertain(str(error))


def order_body(attempts: Sequence[Attempt], *, notify_url: str) -> bytes:
    """The body of a combined order; the same attempts always give the same bytes."""
    first = attempts[0]
    body: dict[str, Any] = {
        "combine_appid": first.app,
        "combine_mchid": first.merchant,
        "combine_out_trade_no": _number(first),
        "sub_orders": [_sub_order(attempt) for attempt in attempts],
        "time_expire": wire.rfc3339(first.expires_ms),
        "notify_url": notify_url,
    }
    if first.terminal in NEEDS_PAYER:
        body["combine_payer_info"] = {"openid": first.payer}
    if first.terminal is Terminal.WAP:
        browser = wire.H5_TYPES.get((first.os_type or "").lower(), wire.H5_TYPE_OTHER)
        body["scene_info"] = {
            "device_id": DEVICE,
            "payer_client_ip": first.client_ip,
            "h5_info": {"type": browser},
        }
    return orjson.dumps(body)


def _sub_order(attempt: Attempt) -> dict[str, Any]:
    order: dict[str, Any] = {
        "mchid": attempt.merchant,
        "attach": attempt.out_trade_no,  # WeChat wants one
        "amount": {"total_amount": attempt.money.amount, "currency": attempt.money.currency},
        "out_trade_no": attempt.out_trade_no,
        "description": attempt.description,
    }
    if attempt.profit_sharing:
        order["settle_info"] = {"profit_sharing": True}
    return order


def close_body(attempts: Sequence[Attempt]) -> bytes:
    """The body that closes all of them."""
    orders = [{"mchid": attempt.merchant, "out_trade_no": attempt.out_trade_no} for attempt in attempts]
    return orjson.dumps({"combine_appid": attempts[0].app, "sub_orders": orders})


def target_of(attempt: Attempt) -> str:
    """The path of the combined order that the attempt is a part of."""
    return f"{PATH}/out-trade-no/{quote(_number(attempt), safe='')}"


def combined_number(content: dict[str, Any]) -> str | None:
    """The number of the combined order that a message is about; None when it is about none."""
    return wire.text(content, "combine_out_trade_no")


def of_combined(content: dict[str, Any]) -> EachTold:
    """What an answer or a notice says of each order."""
    orders = content.get("sub_orders")
    if not isinstance(orders, list) or not all(isinstance(order, dict) for order in orders):
        raise UnreadableMessage("the message has no list sub_orders")
    return EachTold({wire.required_text(order, "out_trade_no"): _of_sub_order(content, order) for order in orders})


def _of_sub_order(content: dict[str, Any], order: dict[str, Any]) -> Observation:
    state = wire.text(order, "trade_state") or ""
    if state in mapping.PAID_STATES:
        return Paid(
            transaction=wire.required_text(order, "transaction_id"),
            amount=wire.required_amount(order, "amount", "total_amount"),
            currency=wire.text(order, "amount", "currency") or "CNY",
            payer=wire.text(content, "combine_payer_info", "openid"),
            app=wire.text(content, "combine_appid"),
            merchant=wire.text(order, "mchid"),
            paid_ms=wire.read_time_ms(wire.text(order, "success_time")) or 0,
        )
    return Closed(state) if state in mapping.CLOSED_STATES else Pending(state)


def _number(attempt: Attempt) -> str:
    assert attempt.group_id is not None, "an order of its own is no part of a combined one"
    return number_of(attempt.group_id)

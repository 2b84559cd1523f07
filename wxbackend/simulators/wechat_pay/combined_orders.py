"""The book of combined orders: their parts are orders like any other, opened, paid and closed all together."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from wxbackend.simulators.clock import Clock, rfc3339
from wxbackend.simulators.wechat_pay.combined_request import CombinedRequest
from wxbackend.simulators.wechat_pay.orders import CLOSED, Order, OrderBook, Prepay
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_ALREADY_PAID,
    CAUSE_CHANGED_REPEAT,
    CAUSE_MERCHANT_ORDER_MISMATCH,
    CAUSE_ORDER_INVALID,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_ORDER_PAID,
    Refusal,
)

_USED = ("OUT_TRADE_NO_USED", 403, CAUSE_ALREADY_PAID)


@dataclass(frozen=True, slots=True)
class Combined:
    """One combined order; what became of it is what became of its parts."""

    request: CombinedRequest
    transaction_id: str = field(default_factory=lambda: f"4300002026{secrets.randbelow(10**18):018d}")


class CombinedBook:
    """All combined orders of the merchant."""

    def __init__(self, clock: Clock, lock: threading.RLock, orders: OrderBook) -> None:
        self._clock = clock
        self._lock = lock
        self._orders = orders
        self._combined: dict[str, Combined] = {}

    def place(self, request: CombinedRequest) -> Prepay:
        """Accept a combined order or its exact repeat; the prepay id stands for all. Raises Refusal by its state."""
        with self._lock:
            known = self._combined.get(request.number)
            if known is None:
                self._refuse_used_numbers(request)
                self._combined[request.number] = Combined(request)
            else:
                self._refuse_bad_repeat(known, request)
            prepays = [self._orders.place(order) for order in request.orders]
            return prepays[0]

    def get(self, number: str) -> Combined:
        """The combined order with this number. Raises Refusal 404 ORDER_NOT_EXIST."""
        with self._lock:
            found = self._combined.get(number)
            if found is None:
                raise _not_found()
            return found

    def of(self, order: Order) -> Combined | None:
        """The combined order that an order is a part of, or None."""
        with self._lock:
            return self._combined.get(order.request.combined_in or "")

    def parts(self, order: Order) -> list[Order]:
        """All that are paid with this order: itself, or the parts of its combined order."""
        with self._lock:
            combined = self.of(order)
            return [order] if combined is None else self.orders_of(combined)

    def orders_of(self, combined: Combined) -> list[Order]:
        """Its parts, in their order."""
        with self._lock:
            return [self._orders.get(each.out_trade_no) for each in combined.request.orders]

    def close(self, number: str, appid: str, listed: list[tuple[str, str]]) -> None:
        """Close all parts; the list must be exactly the one that was ordered. Raises Refusal."""
        with self._lock:
            combined = self.get(number)
            ordered = [(each.mchid, each.out_trade_no) for each in combined.request.orders]
            if appid != combined.request.appid or sorted(listed) != sorted(ordered):
                raise Refusal(
                    400, "INVALID_REQUEST", "关单的子单信息与下单时不一致", cause=CAUSE_MERCHANT_ORDER_MISMATCH
                )
            parts = self.orders_of(combined)
            if any(part.paid for part in parts):
                raise Refusal(400, "ORDER_PAID", "该订单已支付，不能关闭", cause=CAUSE_ORDER_PAID)
            for part in parts:
                self._orders.close(part.request.out_trade_no)

    def view(self, combined: Combined, told: Sequence[Order] | None = None) -> dict[str, object]:
        """A combined order as queries and notices tell it; `told` are its parts where they are made up."""
        parts = self.orders_of(combined) if told is None else told
        request, payment = combined.request, parts[0].payment
        view: dict[str, object] = {
            "combine_appid": request.appid,
            "combine_mchid": request.mchid,
            "combine_out_trade_no": request.number,
            "sub_orders": [_part_view(part) for part in parts],
        }
        if payment is not None:
            view["combine_transaction_id"] = combined.transaction_id
            view["combine_payer_info"] = {"openid": payment.openid}
        return view

    def _refuse_used_numbers(self, request: CombinedRequest) -> None:
        for each in request.orders:
            if self._orders.find(each.out_trade_no) is not None:
                raise Refusal(403, "OUT_TRADE_NO_USED", "子单商户订单号重复", cause=CAUSE_ALREADY_PAID)

    def _refuse_bad_repeat(self, known: Combined, request: CombinedRequest) -> None:
        parts = self.orders_of(known)
        same = known.request.body == request.body and known.request.trade_type == request.trade_type
        if any(part.paid for part in parts):
            code, status, cause = ("ORDER_PAID", 400, CAUSE_ORDER_PAID) if same else _USED
            raise Refusal(status, code, "该订单已支付", cause=cause)
        if any(part.state == CLOSED for part in parts):
            raise Refusal(400, "ORDER_CLOSED", "该订单已失效", cause=CAUSE_ORDER_INVALID)
        if not same:
            raise Refusal(400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致", cause=CAUSE_CHANGED_REPEAT)


def refuse_part(order: Order) -> None:
    """The endpoints for single orders do not know the parts of a combined one."""
    if order.request.combined_in is not None:
        raise _not_found()


def _not_found() -> Refusal:
    return Refusal(404, "ORDER_NOT_EXIST", "订单不存在", cause=CAUSE_ORDER_NOT_FOUND)


def _part_view(order: Order) -> dict[str, object]:
    request, payment = order.request, order.payment
    view: dict[str, object] = {
        "mchid": request.mchid,
        "out_trade_no": request.out_trade_no,
        "trade_state": order.state,
        "attach": request.attach,
    }
    if payment is None:
        return view
    total = request.total
    return view | {
        "trade_type": request.trade_type,
        "bank_type": payment.bank_type,
        "success_time": rfc3339(payment.paid_at),
        "transaction_id": payment.transaction_id,
        "amount": {"total_amount": total, "currency": "CNY", "payer_amount": total, "payer_currency": "CNY"},
    }

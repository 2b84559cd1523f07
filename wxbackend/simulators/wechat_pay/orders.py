"""The order book: NOTPAY becomes SUCCESS or CLOSED once, SUCCESS becomes REFUND, and a number means one order."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from wxbackend.simulators.clock import Clock, compact, rfc3339
from wxbackend.simulators.wechat_pay import exchange
from wxbackend.simulators.wechat_pay.order_request import (
    LIFETIME_DEFAULT_S,
    LIFETIME_LEAST_S,
    LIFETIME_MOST_S,
    OrderRequest,
)
from wxbackend.simulators.wechat_pay.parties import party_members, payer_members
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_ALREADY_PAID,
    CAUSE_CHANGED_REPEAT,
    CAUSE_ONLY_REVERSIBLE,
    CAUSE_ORDER_INVALID,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_ORDER_PAID,
    Refusal,
)

NOTPAY, SUCCESS, REFUND, CLOSED = "NOTPAY", "SUCCESS", "REFUND", "CLOSED"
# Only debits are ever accepted, and only orders by payment code wait for a PIN or are revoked; both may fail.
ACCEPT, USERPAYING, PAYERROR, REVOKED = "ACCEPT", "USERPAYING", "PAYERROR", "REVOKED"
DESCRIPTIONS = {
    NOTPAY: "订单未支付", SUCCESS: "支付成功", REFUND: "转入退款", CLOSED: "订单已关闭", ACCEPT: "已接收，等待扣款",
    USERPAYING: "用户支付中", PAYERROR: "支付失败", REVOKED: "订单已撤销",
}  # fmt: skip
PREPAY_LIFETIME_S = 2 * 3600
BANK_TYPE = "OTHERS"


@dataclass(frozen=True, slots=True)
class Payment:
    """How an order was paid: when (virtual seconds), by which openid, under which WeChat number."""

    transaction_id: str
    paid_at: float
    openid: str
    bank_type: str
    openids: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The payer's openids by appid, for orders that name two apps."""


@dataclass(frozen=True, slots=True)
class Order:
    """One merchant order and its state."""

    request: OrderRequest
    created_at: float
    expires_at: float
    state: str = NOTPAY
    payment: Payment | None = None
    opened_by: str | None = None
    """The openid that opened the cashier first, for an order that names nobody."""
    reason: str = ""

    @property
    def paid(self) -> bool:
        """Whether the buyer's money came in, whatever was given back since."""
        return self.payment is not None

    @property
    def debit(self) -> bool:
        """Whether a contract pays it."""
        return "contract_id" in self.request.body

    @property
    def payer(self) -> str | None:
        """The only openid that may pay; None while it names nobody and nobody has opened it."""
        return self.request.openid or self.opened_by


@dataclass(frozen=True, slots=True)
class Prepay:
    """A prepay id, good for two hours from `created_at` (virtual seconds)."""

    prepay_id: str
    out_trade_no: str
    created_at: float


def transaction_view(order: Order) -> dict[str, object]:
    """An order as queries and notices tell it: before payment only identifiers and state."""
    request = order.request
    view: dict[str, object] = {
        **party_members(request),
        "out_trade_no": request.out_trade_no,
        "trade_state": order.state,
        "trade_state_desc": DESCRIPTIONS[order.state],
    }
    if order.reason:
        view["trade_state_desc"] = f"{DESCRIPTIONS[order.state]}({order.reason})"
    payment = order.payment
    if payment is None:
        return view
    if request.abroad:
        return view | _paid_abroad(request, payment)
    view |= {
        "transaction_id": payment.transaction_id,
        "trade_type": request.trade_type,
        "bank_type": payment.bank_type,
        "success_time": rfc3339(payment.paid_at),
        "payer": payer_members(request, payment.openid, payment.openids),
        "amount": {
            "total": request.total,
            "payer_total": request.total,
            "currency": "CNY",
            "payer_currency": "CNY",
        },
    }
    if request.attach:
        view["attach"] = request.attach
    if request.device_id:
        view["scene_info"] = {"device_id": request.device_id}
    return view


def _paid_abroad(request: OrderRequest, payment: Payment) -> dict[str, object]:
    """What the global API tells of a paid order: WeChat's number is `id` there, and the buyer paid in yuan."""
    told: dict[str, object] = {
        "id": payment.transaction_id,
        "trade_type": request.trade_type,
        "bank_type": payment.bank_type,
        "success_time": rfc3339(payment.paid_at),
        "payer": {"openid": payment.openid},
        "amount": {
            "total": request.total,
            "payer_total": exchange.in_yuan(request.total, request.currency),
            "currency": request.currency,
            "payer_currency": exchange.YUAN,
            "exchange_rate": {"type": "SETTLEMENT_RATE", "rate": exchange.settlement_rate(request.currency)},
        },
    }
    return told | ({"attach": request.attach} if request.attach else {})


def paid_copy(order: Order, *, openid: str, now: float, openids: Mapping[str, str] | None = None) -> Order:
    """The order as it is once this openid has paid it; `openids` are the same buyer's in all apps."""
    payment = Payment(_transaction_id(now), now, openid, BANK_TYPE, openids or {})
    return replace(order, state=SUCCESS, payment=payment)


class OrderBook:
    """All orders and prepay ids of the merchant."""

    def __init__(self, clock: Clock, lock: threading.RLock) -> None:
        self._clock = clock
        self._lock = lock
        self._orders: dict[str, Order] = {}
        self._transactions: dict[str, str] = {}
        self._prepays: dict[str, Prepay] = {}

    def place(self, request: OrderRequest) -> Prepay:
        """Accept an order or its exact repeat and give a fresh prepay id. Raises Refusal by the state it is in."""
        with self._lock:
            now = self._clock.now()
            order = self.find(request.out_trade_no)
            if order is None:
                order = Order(request, now, _end_of_life(request, now))
                self._orders[request.out_trade_no] = order
            else:
                _refuse_bad_repeat(order, request)
            prepay = Prepay(_prepay_id(now), request.out_trade_no, now)
            self._prepays[prepay.prepay_id] = prepay
            return prepay

    def repeated(self, request: OrderRequest) -> Order | None:
        """The debit under way that this request already made, or None. Raises Refusal for any other repeat."""
        with self._lock:
            order = self.find(request.out_trade_no)
            if order is None:
                return None
            if order.state == PAYERROR:
                raise Refusal(400, "INVALID_REQUEST", "该订单已失败，请更换订单号", cause=CAUSE_ORDER_INVALID)
            _refuse_bad_repeat(order, request)
            return order

    def accept(self, request: OrderRequest) -> Order:
        """Keep a new debit, whose money is taken later; the caller has looked for a repeat under the same lock."""
        with self._lock:
            now = self._clock.now()
            return self._store(Order(request, now, now + LIFETIME_MOST_S, state=ACCEPT))

    def mark_failed(self, out_trade_no: str, reason: str) -> Order:
        """The money of a debit could not be taken."""
        with self._lock:
            return self._store(replace(self._orders[out_trade_no], state=PAYERROR, reason=reason))

    def find(self, out_trade_no: str) -> Order | None:
        """The order with this merchant number, closed first if its time has run out."""
        with self._lock:
            order = self._orders.get(out_trade_no)
            if order and order.state == NOTPAY and order.expires_at <= self._clock.now():
                order = self._store(replace(order, state=CLOSED))
            return order

    def get(self, out_trade_no: str) -> Order:
        """The order with this merchant number. Raises Refusal 404 ORDER_NOT_EXIST."""
        order = self.find(out_trade_no)
        if order is None:
            raise not_found()
        return order

    def get_by_transaction(self, transaction_id: str) -> Order:
        """The paid order with this WeChat number. Raises Refusal 404 ORDER_NOT_EXIST."""
        with self._lock:
            return self.get(self._transactions.get(transaction_id, ""))

    def close(self, out_trade_no: str) -> None:
        """Close an unpaid order; closing it again changes nothing. Raises Refusal for a paid or unknown one."""
        with self._lock:
            order = self.get(out_trade_no)
            if order.paid:
                raise Refusal(400, "ORDER_PAID", "该订单已支付，不能关闭", cause=CAUSE_ORDER_PAID)
            if order.state == ACCEPT:
                raise Refusal(400, "INVALID_REQUEST", "代扣订单不能关闭", cause=CAUSE_ORDER_INVALID)
            if order.state in (USERPAYING, PAYERROR) and not order.debit:
                raise Refusal(400, "INVALID_REQUEST", "该订单不能关闭，请使用撤销接口", cause=CAUSE_ONLY_REVERSIBLE)
            if order.state == NOTPAY:
                self._store(replace(order, state=CLOSED))

    def reopen(self, out_trade_no: str) -> None:
        """Undo a close, for the race in which WeChat confirms a close and the buyer's payment wins all the same."""
        with self._lock:
            order = self.get(out_trade_no)
            if order.state == CLOSED:
                self._store(replace(order, state=NOTPAY))

    def open_for(self, out_trade_no: str, openid: str) -> Order:
        """Tie an order that names nobody to who opened its cashier; it stays with the first."""
        with self._lock:
            order = self._orders[out_trade_no]
            return order if order.payer is not None else self._store(replace(order, opened_by=openid))

    def mark_paid(self, out_trade_no: str, openid: str, openids: Mapping[str, str] | None = None) -> Order:
        """Record payment of an unpaid order; the caller looked it up and moved the money under the same lock."""
        with self._lock:
            order = self._orders[out_trade_no]
            if order.state not in (NOTPAY, ACCEPT, USERPAYING):
                raise ValueError(f"order {out_trade_no} is {order.state}, not {NOTPAY}")
            paid = self._store(paid_copy(order, openid=openid, now=self._clock.now(), openids=openids))
            if paid.payment is not None:
                self._transactions[paid.payment.transaction_id] = out_trade_no
            return paid

    def open_by_code(self, request: OrderRequest) -> Order:
        """Accept an order by payment code, whose buyer is known and has still to pay it."""
        with self._lock:
            now = self._clock.now()
            return self._store(Order(request, now, _end_of_life(request, now), USERPAYING))

    def become(self, out_trade_no: str, state: str) -> Order:
        """Move an order by payment code that is not paid to another state."""
        with self._lock:
            return self._store(replace(self._orders[out_trade_no], state=state))

    def revoke(self, out_trade_no: str) -> None:
        """End an order by payment code for good; the caller gave the money back under the same lock."""
        with self._lock:
            self._store(replace(self._orders[out_trade_no], state=REVOKED, payment=None))

    def mark_refunded(self, out_trade_no: str) -> None:
        """Show from now on that a refund of this paid order was accepted, whatever becomes of the refund."""
        with self._lock:
            order = self._orders[out_trade_no]
            if not order.paid:
                raise ValueError(f"order {out_trade_no} is {order.state}, not paid")
            self._store(replace(order, state=REFUND))

    def find_by_transaction(self, transaction_id: str) -> Order | None:
        """The paid order with this WeChat number, or None."""
        with self._lock:
            return self.find(self._transactions.get(transaction_id, ""))

    def live_prepay(self, prepay_id: str) -> Prepay | None:
        """The prepay id if it was given out and its two hours have not run out."""
        with self._lock:
            prepay = self._prepays.get(prepay_id)
            if prepay and self._clock.now() < prepay.created_at + PREPAY_LIFETIME_S:
                return prepay
            return None

    def expire_due(self) -> int:
        """Close every unpaid order whose time has run out; how many that were."""
        with self._lock:
            waiting = [number for number, order in self._orders.items() if order.state == NOTPAY]
            return sum(self.get(number).state == CLOSED for number in waiting)

    def everything(self) -> list[Order]:
        """All orders, newest first."""
        with self._lock:
            self.expire_due()
            return list(reversed(self._orders.values()))

    def waiting_for(self, openids: Iterable[str]) -> list[Order]:
        """Unpaid orders that name one of these openids, newest first."""
        wanted = frozenset(openids)
        return [order for order in self.everything() if order.state == NOTPAY and order.payer in wanted]

    def _store(self, order: Order) -> Order:
        self._orders[order.request.out_trade_no] = order
        return order


def _refuse_bad_repeat(order: Order, request: OrderRequest) -> None:
    same = order.request.body == request.body and order.request.trade_type == request.trade_type
    if order.paid and same:
        raise Refusal(400, "ORDER_PAID", "该订单已支付", cause=CAUSE_ORDER_PAID)
    if order.paid:
        raise Refusal(403, "OUT_TRADE_NO_USED", "该订单已支付", cause=CAUSE_ALREADY_PAID)
    if order.state in (CLOSED, PAYERROR, REVOKED):
        raise Refusal(400, "ORDER_CLOSED", "该订单已失效", cause=CAUSE_ORDER_INVALID)
    if not same:
        raise Refusal(
            400,
            "INVALID_REQUEST",
            "请求重入时，参数与首次请求时不一致",
            cause=CAUSE_CHANGED_REPEAT,
        )


def _end_of_life(request: OrderRequest, now: float) -> float:
    if request.lifetime_ends is None:
        return now + LIFETIME_DEFAULT_S
    return min(max(request.lifetime_ends, now + LIFETIME_LEAST_S), now + LIFETIME_MOST_S)


def not_found() -> Refusal:
    """What is said of an order that does not exist, or is another merchant number's."""
    return Refusal(404, "ORDER_NOT_EXIST", "订单不存在", cause=CAUSE_ORDER_NOT_FOUND)


def _prepay_id(now: float) -> str:
    return f"wx{compact(now)}{secrets.token_hex(10)}"


def _transaction_id(now: float) -> str:
    return f"4200002026{compact(now)[:8]}{secrets.randbelow(10**10):010d}"

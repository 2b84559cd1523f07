"""The refund book: a number means one refund for ever, and no more is given back than was paid."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from wxbackend.simulators.abroad_funds import AbroadFunds, Purse
from wxbackend.simulators.clock import Clock, compact, rfc3339
from wxbackend.simulators.ledger import NotEnoughMoneyError
from wxbackend.simulators.merchant_funds import BANK, MerchantFunds
from wxbackend.simulators.wechat_pay.notices import Topic
from wxbackend.simulators.wechat_pay.orders import Order, OrderBook
from wxbackend.simulators.wechat_pay.refund_request import (
    MERCHANT_BANK_CARD,
    UNAVAILABLE,
    RefundRequest,
    RescueRequest,
)
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_CHANGED_REPEAT,
    CAUSE_ORDER_INVALID,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_OUT_OF_RANGE,
    CAUSE_PARAMETER,
    CAUSE_RATE,
    Refusal,
)

PROCESSING, SUCCESS, ABNORMAL, CLOSED = "PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED"
OUTCOMES = (SUCCESS, ABNORMAL, CLOSED)
RESERVING = (PROCESSING, SUCCESS, ABNORMAL)
TOPICS = {
    SUCCESS: Topic("REFUND.SUCCESS", "退款成功", "refund"),
    ABNORMAL: Topic("REFUND.ABNORMAL", "退款异常", "refund"),
    CLOSED: Topic("REFUND.CLOSED", "退款关闭", "refund"),
}
# Reference: WeChat Pay v3 domestic refunds, rules.
REFUNDABLE_S = 365 * 86400
REFUNDS_PER_ORDER_MAX = 50
SPACING_S_DEFAULT = 60.0
SETTLE_AFTER_S_DEFAULT = 2.0
WALLET = "支付用户零钱"
USER_CARD = "用户银行卡"
MERCHANT_CARD = "商户结算银行卡"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the desk may set: seconds of virtual time, how the next refunds end, and the console's notice address.

    `settle_after_s` is None where only the desk ends a refund; `outcome` holds for `times` more (None: always).
    """

    min_spacing_s: float = SPACING_S_DEFAULT
    settle_after_s: float | None = SETTLE_AFTER_S_DEFAULT
    outcome: str = SUCCESS
    times: int | None = None
    notify_url: str | None = None

    def taken(self) -> Rules:
        """The rules after one refund has been promised its outcome."""
        if self.times is None:
            return self
        return replace(self, times=self.times - 1) if self.times > 1 else replace(self, outcome=SUCCESS, times=None)


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund and its state. Moments are virtual seconds; `due_at` is None while nothing will happen by itself."""

    request: RefundRequest
    refund_id: str
    transaction_id: str
    out_trade_no: str
    receiver: str = field(repr=False)
    created_at: float
    due_at: float | None
    planned: str
    notify_url: str | None
    status: str = PROCESSING
    channel: str = "ORIGINAL"
    received_account: str = WALLET
    succeeded_at: float | None = None
    rescue: RescueRequest | None = None

    @property
    def pending(self) -> bool:
        """Whether its fen are promised and have not left."""
        return self.status in (PROCESSING, ABNORMAL)


def refund_view(refund: Refund) -> dict[str, object]:
    """A refund as the API answers it."""
    request = refund.request
    amount: dict[str, object] = {
        "total": request.total,
        "refund": request.refund,
        "payer_total": request.total,
        "payer_refund": request.refund,
        "settlement_refund": request.refund,
        "settlement_total": request.total,
        "discount_refund": 0,
        "currency": request.currency,
    }
    if request.sources:
        amount["from"] = [{"account": account, "amount": fen} for account, fen in request.sources]
    view: dict[str, object] = {
        "refund_id": refund.refund_id,
        "out_refund_no": request.out_refund_no,
        "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "channel": refund.channel,
        "user_received_account": refund.received_account,
        "create_time": rfc3339(refund.created_at),
        "status": refund.status,
        "funds_account": request.funds_account,
        "amount": amount,
    }
    if refund.succeeded_at is not None:
        view["success_time"] = rfc3339(refund.succeeded_at)
    return view


def notice_view(refund: Refund, whose: Mapping[str, object]) -> dict[str, object]:
    """A refund as its notice tells it, and `whose`: `refund_status` instead of `status`, no currency of amounts."""
    request = refund.request
    view: dict[str, object] = {
        **whose,
        "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "refund_id": refund.refund_id,
        "out_refund_no": request.out_refund_no,
        "refund_status": refund.status,
        "user_received_account": refund.received_account,
        "amount": {
            "total": request.total,
            "refund": request.refund,
            "payer_total": request.total,
            "payer_refund": request.refund,
        },
    }
    if refund.succeeded_at is not None:
        view["success_time"] = rfc3339(refund.succeeded_at)
    return view


class RefundBook:
    """All refunds of the merchant. `tell` hears of each that came to an end, under the lock."""

    def __init__(
        self,
        *,
        clock: Clock,
        lock: threading.RLock,
        orders: OrderBook,
        funds: MerchantFunds,
        abroad: AbroadFunds,
        tell: Callable[[Refund], None],
    ) -> None:
        self._clock = clock
        self._lock = lock
        self._orders = orders
        self._funds = funds
        self._abroad = abroad
        self._tell = tell
        self._refunds: dict[str, Refund] = {}
        self._numbers: dict[str, str] = {}
        self.rules = Rules()

    def repeated(self, request: RefundRequest) -> Refund | None:
        """The refund that this request already made, or None. Raises Refusal where it was another request."""
        with self._lock:
            refund = self.find(request.out_refund_no)
            if refund is not None and refund.request.body != request.body:
                raise _invalid("请求重入时，参数与首次请求时不一致", cause=CAUSE_CHANGED_REPEAT)
            return refund

    def accept(self, request: RefundRequest, *, order: Order, receiver: str) -> Refund:
        """Promise a new refund of a paid order to the receiver's account. Raises Refusal, and then nothing changed."""
        with self._lock:
            now = self._clock.now()
            earlier = self.of_order(order.request.out_trade_no)
            _check_order(order, request, now)
            _check_room(order, request, earlier)
            if earlier and now - earlier[-1].created_at < self.rules.min_spacing_s:
                raise Refusal(429, "FREQUENCY_LIMITED", "同一订单两次退款须间隔1分钟，请稍后重试", cause=CAUSE_RATE)
            self._reserve(request)
            refund = self._make(request, order, receiver, now)
            self._orders.mark_refunded(refund.out_trade_no)
            self._numbers[refund.refund_id] = request.out_refund_no
            return self._store(refund)

    def find(self, out_refund_no: str) -> Refund | None:
        """The refund with this merchant number, settled first if its time has come."""
        with self._lock:
            self.settle_due()
            return self._refunds.get(out_refund_no)

    def get(self, out_refund_no: str) -> Refund:
        """The refund with this merchant number. Raises Refusal 404 RESOURCE_NOT_EXISTS."""
        refund = self.find(out_refund_no)
        if refund is None:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "退款单不存在", cause=CAUSE_ORDER_NOT_FOUND)
        return refund

    def get_by_id(self, refund_id: str) -> Refund:
        """The refund with this WeChat number. Raises Refusal 404 RESOURCE_NOT_EXISTS."""
        with self._lock:
            return self.get(self._numbers.get(refund_id, ""))

    def rescue(self, refund_id: str, request: RescueRequest) -> Refund:
        """Send an abnormal refund to a bank card. Raises Refusal for any other; the same request again is a repeat."""
        with self._lock:
            refund = self.get_by_id(refund_id)
            if refund.request.out_refund_no != request.out_refund_no:
                raise _invalid("out_refund_no与refund_id不匹配")
            if refund.status != ABNORMAL and _same_rescue(refund.rescue, request):
                return refund
            if refund.status != ABNORMAL:
                raise _invalid("退款单状态不是退款异常，不能发起异常退款")
            to_merchant = request.kind == MERCHANT_BANK_CARD
            return self._store(
                replace(
                    refund,
                    status=PROCESSING,
                    planned=SUCCESS,
                    due_at=self._due_at(self._clock.now()),
                    receiver=BANK if to_merchant else refund.receiver,
                    channel="OTHER_BANKCARD",
                    received_account=MERCHANT_CARD if to_merchant else USER_CARD,
                    rescue=request,
                )
            )

    def settle(self, out_refund_no: str, outcome: str) -> Refund:
        """End a refund now. Raises ValueError unless it is under way, or abnormal and now to succeed."""
        with self._lock:
            refund = self.get(out_refund_no)
            allowed = {PROCESSING: OUTCOMES, ABNORMAL: (SUCCESS,)}.get(refund.status, ())
            if outcome not in allowed:
                raise ValueError(f"refund {out_refund_no} is {refund.status}; it cannot become {outcome}")
            return self._end(refund, outcome, self._clock.now())

    def settle_due(self) -> float | None:
        """End every refund whose time has come; seconds until the next one will, None if none is planned."""
        with self._lock:
            now = self._clock.now()
            planned = [refund for refund in self._refunds.values() if refund.due_at is not None]
            for refund in sorted(planned, key=_due):
                if _due(refund) > now:
                    return _due(refund) - now
                self._end(refund, refund.planned, _due(refund))
            return None

    def of_order(self, out_trade_no: str) -> list[Refund]:
        """Every refund of an order, oldest first."""
        with self._lock:
            self.settle_due()
            return [refund for refund in self._refunds.values() if refund.out_trade_no == out_trade_no]

    def everything(self) -> list[Refund]:
        """All refunds, newest first."""
        with self._lock:
            self.settle_due()
            return list(reversed(self._refunds.values()))

    def _purse(self, request: RefundRequest) -> MerchantFunds | Purse:
        return self._abroad.purse(request.currency, request.total) if request.abroad else self._funds

    def _reserve(self, request: RefundRequest) -> None:
        try:
            if any(account == UNAVAILABLE for account, _ in request.sources):
                raise NotEnoughMoneyError(UNAVAILABLE)
            self._purse(request).reserve(request.refund)
        except NotEnoughMoneyError as error:
            raise Refusal(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起", cause=CAUSE_PARAMETER) from error

    def _make(self, request: RefundRequest, order: Order, receiver: str, now: float) -> Refund:
        if order.payment is None:
            raise ValueError(f"order {order.request.out_trade_no} is not paid")
        outcome = self.rules.outcome
        self.rules = self.rules.taken()
        return Refund(
            request=request,
            refund_id=f"5030000{compact(now)}{secrets.randbelow(10**8):08d}",
            transaction_id=order.payment.transaction_id,
            out_trade_no=order.request.out_trade_no,
            receiver=receiver,
            created_at=now,
            due_at=self._due_at(now),
            planned=outcome,
            notify_url=request.notify_url or self.rules.notify_url,
        )

    def _due_at(self, now: float) -> float | None:
        after_s = self.rules.settle_after_s
        return None if after_s is None else now + after_s

    def _end(self, refund: Refund, outcome: str, at: float) -> Refund:
        request = refund.request
        if outcome == SUCCESS:
            self._purse(request).pay_promised(request.refund, to=refund.receiver, memo=request.out_refund_no)
        if outcome == CLOSED:
            self._purse(request).release(request.refund)
        succeeded_at = at if outcome == SUCCESS else None
        ended = self._store(replace(refund, status=outcome, due_at=None, succeeded_at=succeeded_at))
        self._tell(ended)
        return ended

    def _store(self, refund: Refund) -> Refund:
        self._refunds[refund.request.out_refund_no] = refund
        return refund


def _due(refund: Refund) -> float:
    return float("inf") if refund.due_at is None else refund.due_at


def _same_rescue(earlier: RescueRequest | None, request: RescueRequest) -> bool:
    """Encrypted members look different each time, so they are no part of it."""
    return earlier is not None and (earlier.kind, earlier.bank_type) == (request.kind, request.bank_type)


def _check_order(order: Order, request: RefundRequest, now: float) -> None:
    if order.payment is None:
        raise _invalid("订单未支付，不能发起退款", cause=CAUSE_ORDER_INVALID)
    if now > order.payment.paid_at + REFUNDABLE_S:
        raise _invalid("订单已超过可退款的最大期限", cause=CAUSE_ORDER_INVALID)
    if request.total != order.request.total:
        raise _invalid("订单金额与原订单不一致，请核实后再试")


def _check_room(order: Order, request: RefundRequest, earlier: list[Refund]) -> None:
    reserved = sum(item.request.refund for item in earlier if item.status in RESERVING)
    if reserved >= order.request.total:
        raise _invalid("订单已全额退款", cause=CAUSE_OUT_OF_RANGE)
    if request.refund > order.request.total - reserved:
        raise _invalid("退款金额大于可退金额", cause=CAUSE_OUT_OF_RANGE)
    if len(earlier) >= REFUNDS_PER_ORDER_MAX:
        raise _invalid(f"一笔订单最多退款{REFUNDS_PER_ORDER_MAX}次", cause=CAUSE_OUT_OF_RANGE)


def _invalid(message: str, *, cause: int = CAUSE_PARAMETER) -> Refusal:
    return Refusal(400, "INVALID_REQUEST", message, cause=cause)

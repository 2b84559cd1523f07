"""Debits under contracts: accepted at once, ended later, and never twice under one number."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from wxbackend.simulators.buyers import Buyers, account_of
from wxbackend.simulators.clock import Clock
from wxbackend.simulators.ledger import MERCHANT, Ledger, Movement, NotEnoughMoneyError
from wxbackend.simulators.wechat_pay.contracts import SIGNED, Contract, ContractBook, Schedule
from wxbackend.simulators.wechat_pay.notices import Topic
from wxbackend.simulators.wechat_pay.order_request import OrderRequest
from wxbackend.simulators.wechat_pay.orders import ACCEPT, Order, OrderBook
from wxbackend.simulators.wechat_pay.refusal import CAUSE_ORDER_NOT_FOUND, CAUSE_PARAMETER, Refusal

PAY = "pay"
FAILURES = {
    "not_enough": "余额不足",
    "limit": "超出扣款限额",
    "account": "用户账户异常",
    "contract_ended": "用户已解约",
}
OUTCOMES = (PAY, *FAILURES)
FAILED = Topic("TRANSACTION.FAIL", "扣款失败", "transaction")
SETTLE_AFTER_S_DEFAULT = 2.0
# Reference: auto-debit, time rules.
FREE_AFTER_SIGNING_S = 12 * 3600
OPENS_AFTER_DAYS, CLOSES_AFTER_DAYS = 2, 9
OPENS_HOUR, CLOSES_HOUR = 7, 22
BEIJING = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class DebitRules:
    """What the desk may set; `settle_after_s` is None where only the desk ends a debit (None `times`: always)."""

    settle_after_s: float | None = SETTLE_AFTER_S_DEFAULT
    outcome: str = PAY
    times: int | None = None
    notice_required: bool = True

    def taken(self) -> DebitRules:
        """The rules after one debit has been promised its outcome."""
        if self.times is None:
            return self
        return replace(self, times=self.times - 1) if self.times > 1 else replace(self, outcome=PAY, times=None)


@dataclass(frozen=True, slots=True)
class Debit:
    """One debit that was accepted; `due_at` is None while only the desk ends it."""

    out_trade_no: str
    code: str
    due_at: float | None
    planned: str


class DebitBook:
    """All debits. `tell` hears of each that came to an end, under the lock."""

    def __init__(
        self,
        *,
        clock: Clock,
        lock: threading.RLock,
        orders: OrderBook,
        contracts: ContractBook,
        buyers: Buyers,
        ledger: Ledger,
        tell: Callable[[Order], None],
    ) -> None:
        self._clock = clock
        self._lock = lock
        self._orders = orders
        self._contracts = contracts
        self._buyers = buyers
        self._ledger = ledger
        self._tell = tell
        self._waiting: dict[str, Debit] = {}
        self.rules = DebitRules()

    def apply(self, request: OrderRequest, contract_id: str) -> Order:
        """Accept a debit, or its exact repeat. Raises Refusal, and then nothing changed."""
        with self._lock:
            contract = self._contracts.by_id(contract_id)
            openid = contract.openid if contract is not None else ""
            request = replace(request, openid=openid)
            repeated = self._orders.repeated(request)
            if repeated is not None:
                return repeated
            if contract is None or contract.request.appid != request.appid:
                raise Refusal(404, "CONTRACT_NOT_EXIST", "协议不存在", cause=CAUSE_ORDER_NOT_FOUND)
            if contract.state != SIGNED:
                raise Refusal(403, "RULE_LIMIT", "用户已解约，协议状态异常", cause=CAUSE_PARAMETER)
            self._check_told(contract, request.total)
            outcome, self.rules = self.rules.outcome, self.rules.taken()
            after_s = self.rules.settle_after_s
            due_at = None if after_s is None else self._clock.now() + after_s
            order = self._orders.accept(request)
            self._waiting[request.out_trade_no] = Debit(request.out_trade_no, contract.request.code, due_at, outcome)
            return order

    def tell_buyer(self, contract_id: str, appid: str, total: int) -> Schedule:
        """The buyer is told of a debit to come. Raises Refusal where there is no contract in force."""
        with self._lock:
            contract = self._contracts.by_id(contract_id)
            if contract is None or contract.request.appid != appid:
                raise Refusal(404, "CONTRACT_NOT_EXIST", "协议不存在", cause=CAUSE_ORDER_NOT_FOUND)
            if contract.state != SIGNED:
                raise Refusal(403, "RULE_LIMIT", "用户已解约，协议状态异常", cause=CAUSE_PARAMETER)
            midnight = _midnight(self._clock.now())
            opens_at = midnight + OPENS_AFTER_DAYS * 86400 + OPENS_HOUR * 3600
            closes_at = midnight + (CLOSES_AFTER_DAYS - 1) * 86400 + CLOSES_HOUR * 3600
            schedule = Schedule(total, opens_at, closes_at)
            self._contracts.plan(contract.request.code, schedule)
            return schedule

    def settle(self, out_trade_no: str, outcome: str) -> Order:
        """End a debit now. Raises ValueError unless it is under way."""
        with self._lock:
            debit = self._waiting.get(out_trade_no)
            if debit is None or outcome not in OUTCOMES:
                raise ValueError(f"debit {out_trade_no} cannot become {outcome}")
            return self._end(debit, outcome)

    def settle_planned(self, out_trade_no: str) -> None:
        """End a debit now as planned, if it is under way."""
        with self._lock:
            debit = self._waiting.get(out_trade_no)
            if debit is not None:
                self._end(debit, debit.planned)

    def settle_due(self) -> float | None:
        """End every debit whose time has come; seconds until the next one will, None if none is planned."""
        with self._lock:
            now = self._clock.now()
            planned = [debit for debit in self._waiting.values() if debit.due_at is not None]
            for debit in sorted(planned, key=lambda each: each.due_at or 0.0):
                if debit.due_at is not None and debit.due_at > now:
                    return debit.due_at - now
                self._end(debit, debit.planned)
            return None

    def _check_told(self, contract: Contract, total: int) -> None:
        now = self._clock.now()
        fresh = contract.signed_at is not None and now < contract.signed_at + FREE_AFTER_SIGNING_S
        if not self.rules.notice_required or (fresh and not self._charged_before(contract)):
            return
        schedule = contract.schedule
        if schedule is None or not schedule.opens_at <= now <= schedule.closes_at:
            raise Refusal(403, "RULE_LIMIT", "扣费前未在规定时间内下发扣费通知", cause=CAUSE_PARAMETER)
        hour = (datetime.fromtimestamp(now, tz=UTC) + BEIJING).hour
        if not OPENS_HOUR <= hour < CLOSES_HOUR:
            raise Refusal(403, "RULE_LIMIT", "不在可扣费时间段内，受限制", cause=CAUSE_PARAMETER)
        if total > schedule.total:
            raise Refusal(403, "RULE_LIMIT", "扣费金额大于通知金额", cause=CAUSE_PARAMETER)

    def _charged_before(self, contract: Contract) -> bool:
        return any(
            order.request.body.get("contract_id") == contract.contract_id and (order.paid or order.state == ACCEPT)
            for order in self._orders.everything()
        )

    def _end(self, debit: Debit, outcome: str) -> Order:
        del self._waiting[debit.out_trade_no]
        contract = self._contracts.find(debit.code)
        if contract is None or contract.state != SIGNED:
            outcome = "contract_ended"
        if outcome == PAY:
            outcome = self._move(debit)
        if outcome != PAY:
            failed = self._orders.mark_failed(debit.out_trade_no, FAILURES[outcome])
            self._tell(failed)
            return failed
        self._contracts.plan(debit.code, None)
        paid = self._orders.mark_paid(debit.out_trade_no, self._orders.get(debit.out_trade_no).request.openid or "")
        self._tell(paid)
        return paid

    def _move(self, debit: Debit) -> str:
        request = self._orders.get(debit.out_trade_no).request
        owner = self._buyers.owner(request.openid or "")
        if owner is None:
            return "account"
        try:
            self._ledger.move(Movement(account_of(owner[0].id), MERCHANT, request.total, request.out_trade_no))
        except NotEnoughMoneyError:
            return "not_enough"
        return PAY


def _midnight(now: float) -> float:
    """The beginning of the present day in Beijing."""
    local = datetime.fromtimestamp(now, tz=UTC) + BEIJING
    return float(round(now - (local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6)))

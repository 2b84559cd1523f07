"""The book of profit sharing: an order's held-back fen go to receivers once, come back once, and are released once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace

from wxbackend.simulators.buyers import Buyers, account_of
from wxbackend.simulators.clock import Clock, compact, rfc3339
from wxbackend.simulators.ledger import MERCHANT as OURSELVES
from wxbackend.simulators.ledger import Ledger, Movement, NotEnoughMoneyError
from wxbackend.simulators.merchant_funds import MerchantFunds
from wxbackend.simulators.wechat_pay.notices import Topic
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_CHANGED_REPEAT,
    CAUSE_ORDER_INVALID,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_OUT_OF_RANGE,
    CAUSE_PARAMETER,
    Refusal,
)
from wxbackend.simulators.wechat_pay.sharing_records import (
    CLOSED,
    FAILED,
    FINISHED,
    PENDING,
    SUCCESS,
    Given,
    Return,
    Sharing,
    SharingRules,
    party_view,
)
from wxbackend.simulators.wechat_pay.sharing_request import (
    MERCHANT,
    PERSON,
    PartRequest,
    ReturnRequest,
    ShareRequest,
)

SHARINGS_PER_ORDER_MAX = 50
SHARED = Topic("PROFITSHARING", "分账", "profitsharing")
RETURNED = Topic("PROFITSHARING_RETURN", "分账回退", "profitsharing")
OTHER_MERCHANTS = "merchant:"


class SharingBook:
    """All sharings, returns and receivers of the merchant. `tell` hears of each part that was given or came back."""

    def __init__(
        self,
        *,
        clock: Clock,
        lock: threading.RLock,
        ledger: Ledger,
        funds: MerchantFunds,
        buyers: Buyers,
        tell: Callable[[Topic, dict[str, object]], None],
    ) -> None:
        self._clock = clock
        self._lock = lock
        self._ledger = ledger
        self._funds = funds
        self._buyers = buyers
        self._tell = tell
        self._sharings: dict[str, Sharing] = {}
        self._returns: dict[str, Return] = {}
        self._receivers: dict[tuple[str, str], str] = {}
        self.rules = SharingRules()

    # --- receivers ----------------------------------------------------------------------------------

    def add_receiver(self, kind: str, account: str, relation: str) -> None:
        """Allow sharing with somebody; again is a repeat."""
        with self._lock:
            self._receivers[kind, account] = relation

    def remove_receiver(self, kind: str, account: str) -> None:
        """Allow it no longer; one that is not there is none."""
        with self._lock:
            self._receivers.pop((kind, account), None)

    def receivers(self) -> list[dict[str, str]]:
        """Everybody with whom money may be shared."""
        with self._lock:
            return [
                {"type": kind, "account": account, "relation_type": relation}
                for (kind, account), relation in self._receivers.items()
            ]

    # --- sharing ----------------------------------------------------------------------------------------

    def accept(self, request: ShareRequest, *, order: Order | None, refunded: int) -> Sharing:
        """Begin to share or to release, or tell where the same request stands. Raises Refusal."""
        with self._lock:
            known = self.find(request.out_order_no)
            if known is not None:
                if known.request.same != request.same:
                    raise _invalid("请求重入时，参数与首次请求时不一致", cause=CAUSE_CHANGED_REPEAT)
                return known
            self._check(request, order, refunded)
            try:
                self._funds.reserve(sum(part.amount for part in request.parts))
            except NotEnoughMoneyError as error:
                raise Refusal(403, "NOT_ENOUGH", "分账余额不足", cause=CAUSE_PARAMETER) from error
            now = self._clock.now()
            parts = tuple(Given(part, _number("36", now)) for part in request.parts)
            sharing = Sharing(request, _number("3008", now), parts, now, now + self.rules.settle_after_s)
            self._sharings[request.out_order_no] = sharing
            return self.get(request.out_order_no, request.transaction_id)

    def find(self, out_order_no: str) -> Sharing | None:
        """The sharing with this merchant number, ended first if its time has come."""
        with self._lock:
            self.settle_due()
            return self._sharings.get(out_order_no)

    def get(self, out_order_no: str, transaction_id: str) -> Sharing:
        """The sharing with this merchant number of this payment. Raises Refusal 404 RESOURCE_NOT_EXISTS."""
        sharing = self.find(out_order_no)
        if sharing is None or sharing.request.transaction_id != transaction_id:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "分账单不存在", cause=CAUSE_ORDER_NOT_FOUND)
        return sharing

    def held_by_merchants(self, transaction_id: str) -> int:
        """Fen of a payment that other merchants have and did not return."""
        with self._lock:
            given = sum(part.holds for each in self._of(transaction_id) for part in each.parts
                        if part.request.kind == MERCHANT)  # fmt: skip
            back = sum(each.request.amount for each in self._returns.values()
                       if each.sharing.request.transaction_id == transaction_id and each.result == SUCCESS)  # fmt: skip
            return given - back

    def unsplit(self, order: Order, refunded: int) -> int:
        """Fen of an order that may still be shared."""
        with self._lock:
            self.settle_due()
            transaction = order.payment.transaction_id if order.payment else ""
            earlier = self._of(transaction)
            if not _held_back(order) or any(each.request.finish for each in earlier):
                return 0
            return max(0, order.request.total - refunded - sum(part.holds for each in earlier for part in each.parts))

    # --- returns ----------------------------------------------------------------------------------------

    def accept_return(self, request: ReturnRequest) -> Return:
        """Begin to bring a part back, or tell where the same request stands. Raises Refusal."""
        with self._lock:
            self.settle_due()
            known = self._returns.get(request.out_return_no)
            if known is not None:
                if known.request.same != request.same:
                    raise _invalid("请求重入时，参数与首次请求时不一致", cause=CAUSE_CHANGED_REPEAT)
                return known
            sharing = self._shared(request)
            earlier = sum(
                each.request.amount for each in self._returns.values()
                if each.sharing.order_id == sharing.order_id and each.request.return_mchid == request.return_mchid
                and each.result != FAILED
            )  # fmt: skip
            part = next((part for part in sharing.parts if part.request.account == request.return_mchid
                         and part.request.kind == MERCHANT and part.result == SUCCESS), None)  # fmt: skip
            if part is None or request.amount > part.request.amount - earlier:
                raise _invalid("回退金额大于可回退金额", cause=CAUSE_OUT_OF_RANGE)
            now = self._clock.now()
            due_at = now + self.rules.settle_after_s
            self._returns[request.out_return_no] = Return(request, _number("3009", now), sharing, now, due_at)
            return self.get_return(request.out_return_no, sharing.request.out_order_no)

    def get_return(self, out_return_no: str, out_order_no: str) -> Return:
        """The return with this merchant number of this sharing. Raises Refusal 404 RESOURCE_NOT_EXISTS."""
        with self._lock:
            self.settle_due()
            found = self._returns.get(out_return_no)
            if found is None or found.sharing.request.out_order_no != out_order_no:
                raise Refusal(404, "RESOURCE_NOT_EXISTS", "回退单不存在", cause=CAUSE_ORDER_NOT_FOUND)
            return found

    # --- time ---------------------------------------------------------------------------------------------

    def settle_due(self) -> float | None:
        """End everything whose time has come; seconds until the next, None if none is planned."""
        with self._lock:
            now = self._clock.now()
            for number, sharing in list(self._sharings.items()):
                if sharing.due_at is not None and sharing.due_at <= now:
                    self._end(number, sharing)
            for number, returned in list(self._returns.items()):
                if returned.due_at is not None and returned.due_at <= now:
                    self._end_return(number, returned)
            open_ones: list[Sharing | Return] = [*self._sharings.values(), *self._returns.values()]
            left = [each.due_at - now for each in open_ones if each.due_at is not None]
            return min(left, default=None)

    def everything(self) -> tuple[list[Sharing], list[Return]]:
        """All sharings and returns, newest first."""
        with self._lock:
            self.settle_due()
            return list(reversed(self._sharings.values())), list(reversed(self._returns.values()))

    def totals(self) -> tuple[int, int]:
        """Fen that are with others, and fen that are promised to them."""
        with self._lock:
            sharings, returns = self.everything()
            parts = [part for each in sharings for part in each.parts]
            given = sum(part.request.amount for part in parts if part.result == SUCCESS)
            back = sum(each.request.amount for each in returns if each.result == SUCCESS)
            return given - back, sum(part.request.amount for part in parts if part.result == PENDING)

    # --- inside ---------------------------------------------------------------------------------------------

    def _of(self, transaction_id: str) -> list[Sharing]:
        return [each for each in self._sharings.values() if each.request.transaction_id == transaction_id]

    def _check(self, request: ShareRequest, order: Order | None, refunded: int) -> None:
        if order is None or order.payment is None:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "订单不存在", cause=CAUSE_ORDER_NOT_FOUND)
        if not _held_back(order):
            raise _invalid("非分账订单不支持分账", cause=CAUSE_ORDER_INVALID)
        earlier = self._of(request.transaction_id)
        if any(each.request.finish for each in earlier):
            raise _invalid("分账已完结", cause=CAUSE_ORDER_INVALID)
        if len(earlier) >= SHARINGS_PER_ORDER_MAX:
            raise Refusal(403, "RULE_LIMIT", "分账次数超过限制", cause=CAUSE_OUT_OF_RANGE)
        for part in request.parts:
            if (part.kind, part.account) not in self._receivers:
                raise _invalid("分账接收方未添加")
        asked = sum(part.amount for part in request.parts)
        given = sum(part.holds for each in earlier for part in each.parts)
        if asked + given > order.request.total * self.rules.percent_max // 100:
            raise Refusal(403, "RULE_LIMIT", "分账金额超过最大分账比例", cause=CAUSE_OUT_OF_RANGE)
        if asked > order.request.total - refunded - given:
            raise Refusal(403, "NOT_ENOUGH", "分账金额超过可分账余额", cause=CAUSE_OUT_OF_RANGE)

    def _shared(self, request: ReturnRequest) -> Sharing:
        for sharing in self._sharings.values():
            named = request.out_order_no or ""
            if sharing.request.out_order_no == named or sharing.order_id == request.order_id:
                return sharing
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "分账单不存在", cause=CAUSE_ORDER_NOT_FOUND)

    def _end(self, number: str, sharing: Sharing) -> None:
        at, refused = sharing.due_at or 0.0, dict(self.rules.closed)
        parts = tuple(self._give(part, refused.get(part.request.account), at, number) for part in sharing.parts)
        ended = replace(sharing, parts=parts, due_at=None, state=FINISHED)
        self._sharings[number] = ended
        for part in parts:
            if part.result == SUCCESS:
                self._tell(SHARED, self._news(ended, party_view(part.request), at))

    def _give(self, part: Given, refused: str | None, at: float, memo: str) -> Given:
        if refused is not None:
            self._funds.release(part.request.amount)
            return replace(part, result=CLOSED, fail_reason=refused, ended_at=at)
        self._funds.pay_promised(part.request.amount, to=self._purse(part.request), memo=memo)
        return replace(part, result=SUCCESS, ended_at=at)

    def _end_return(self, number: str, returned: Return) -> None:
        at, request = returned.due_at or 0.0, returned.request
        reason = self.rules.return_fails
        if reason is None:
            part = PartRequest(MERCHANT, request.return_mchid, request.amount, request.description)
            self._ledger.move(Movement(self._purse(part), OURSELVES, request.amount, number))
        result = SUCCESS if reason is None else FAILED
        ended = replace(returned, result=result, fail_reason=reason, ended_at=at, due_at=None)
        self._returns[number] = ended
        if reason is None:
            party = {"type": MERCHANT, "account": request.return_mchid, "amount": request.amount,
                     "description": request.description}  # fmt: skip
            self._tell(RETURNED, self._news(ended.sharing, party, at) | {
                "out_return_no": number, "return_id": ended.return_id,
            })  # fmt: skip

    def _news(self, sharing: Sharing, party: dict[str, object], at: float) -> dict[str, object]:
        return {
            "transaction_id": sharing.request.transaction_id,
            "order_id": sharing.order_id,
            "out_order_no": sharing.request.out_order_no,
            "receiver": party,
            "success_time": rfc3339(at),
        }

    def _purse(self, part: PartRequest) -> str:
        """The account that a receiver's money goes to."""
        owner = self._buyers.owner(part.account) if part.kind == PERSON else None
        if owner is not None:
            return account_of(owner[0].id)
        name = f"{OTHER_MERCHANTS}{part.account}"
        if name not in self._ledger.accounts():
            self._ledger.open(name, 0)
        return name


def _held_back(order: Order) -> bool:
    settle = order.request.body.get("settle_info")
    return isinstance(settle, dict) and settle.get("profit_sharing") is True


def _number(prefix: str, now: float) -> str:
    return f"{prefix}{compact(now)}{secrets.randbelow(10**10):010d}"


def _invalid(message: str, *, cause: int = CAUSE_PARAMETER) -> Refusal:
    return Refusal(400, "INVALID_REQUEST", message, cause=cause)

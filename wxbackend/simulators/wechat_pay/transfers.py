"""The book of merchant transfers: a number means one transfer for ever, and its fen are locked until it ended."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from wxbackend.simulators.clock import Clock, compact, rfc3339
from wxbackend.simulators.ledger import NotEnoughMoneyError
from wxbackend.simulators.merchant_funds import MerchantFunds
from wxbackend.simulators.wechat_pay.notices import Topic
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_CHANGED_REPEAT,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_PARAMETER,
    Refusal,
)
from wxbackend.simulators.wechat_pay.transfer_request import TransferRequest

ACCEPTED, WAITING, MOVING, SUCCESS, FAIL, CANCELING, CANCELLED = (
    "ACCEPTED", "WAIT_USER_CONFIRM", "TRANSFERING", "SUCCESS", "FAIL", "CANCELING", "CANCELLED",
)  # fmt: skip
ENDS = (SUCCESS, FAIL, CANCELLED)
CANCELABLE = (ACCEPTED, WAITING)
CONFIRM_WITHIN_S = 24 * 3600.0
TOPIC = Topic("MCHTRANSFER.BILL.FINISHED", "商家转账单据终态通知", "mch_payment")
OVERDUE, WRONG_NAME = "OVERDUE_CLOSE", "NAME_NOT_CORRECT"


@dataclass(frozen=True, slots=True)
class TransferRules:
    """What the desk may set, in seconds of virtual time: looking at it first, the money's way, and taking it back."""

    review_s: float = 0.0
    moving_s: float = 0.0
    cancel_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer and its state. Moments are virtual seconds; at `due_at` it becomes `planned`."""

    request: TransferRequest
    transfer_bill_no: str
    package: str = field(repr=False)
    receiver: str = field(repr=False)
    created_at: float
    updated_at: float
    state: str
    due_at: float | None
    planned: str
    fail_reason: str | None = None

    @property
    def pending(self) -> bool:
        """Whether its fen are locked."""
        return self.state not in ENDS


def created_view(transfer: Transfer) -> dict[str, object]:
    """What the request for it is answered, however often: where it stands, and what opens the confirmation."""
    view: dict[str, object] = {
        "out_bill_no": transfer.request.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "create_time": rfc3339(transfer.created_at),
        "state": transfer.state,
    }
    if transfer.state in (WAITING, MOVING):
        view["package_info"] = transfer.package
    if transfer.fail_reason is not None:
        view["fail_reason"] = transfer.fail_reason
    return view


def transfer_view(transfer: Transfer, mchid: str) -> dict[str, object]:
    """A transfer as a query tells it: never with its package."""
    request = transfer.request
    view: dict[str, object] = {
        "mch_id": mchid,
        "out_bill_no": request.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "appid": request.appid,
        "state": transfer.state,
        "transfer_amount": request.amount,
        "transfer_remark": request.remark,
        "openid": request.openid,
        "create_time": rfc3339(transfer.created_at),
        "update_time": rfc3339(transfer.updated_at),
    }
    if transfer.fail_reason is not None:
        view["fail_reason"] = transfer.fail_reason
    return view


def canceled_view(transfer: Transfer) -> dict[str, object]:
    """What a cancel is answered."""
    return {
        "out_bill_no": transfer.request.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "state": transfer.state,
        "update_time": rfc3339(transfer.updated_at),
    }


def notice_view(transfer: Transfer, mchid: str) -> dict[str, object]:
    """A transfer as its notice tells it."""
    view = transfer_view(transfer, mchid)
    for name in ("appid", "transfer_remark"):
        del view[name]
    return view


class TransferBook:
    """All transfers of the merchant. `tell` hears of each that ended, under the lock."""

    def __init__(
        self, *, clock: Clock, lock: threading.RLock, funds: MerchantFunds, tell: Callable[[Transfer], None]
    ) -> None:
        self._clock = clock
        self._lock = lock
        self._funds = funds
        self._tell = tell
        self._transfers: dict[str, Transfer] = {}
        self.rules = TransferRules()

    def accept(self, request: TransferRequest, *, receiver: str) -> Transfer:
        """Lock the fen and begin, or tell where the same request's transfer stands. Raises Refusal."""
        with self._lock:
            known = self.find(request.out_bill_no)
            if known is not None:
                if known.request.same != request.same:
                    raise _invalid("请求重入时，参数与首次请求时不一致", cause=CAUSE_CHANGED_REPEAT)
                return known
            try:
                self._funds.reserve(request.amount)
            except NotEnoughMoneyError as error:
                raise Refusal(403, "NOT_ENOUGH", "商户运营账户资金不足，请充值后重试", cause=CAUSE_PARAMETER) from error
            return self._store(self._new(request, receiver))

    def find(self, out_bill_no: str) -> Transfer | None:
        """The transfer with this merchant number, moved on first if its time has come."""
        with self._lock:
            self.settle_due()
            return self._transfers.get(out_bill_no)

    def get(self, out_bill_no: str) -> Transfer:
        """The transfer with this merchant number. Raises Refusal 404 NOT_FOUND."""
        transfer = self.find(out_bill_no)
        if transfer is None:
            raise Refusal(404, "NOT_FOUND", "记录不存在", cause=CAUSE_ORDER_NOT_FOUND)
        return transfer

    def cancel(self, out_bill_no: str) -> Transfer:
        """Begin to take it back; again is a repeat. Raises Refusal once it was confirmed or has ended otherwise."""
        with self._lock:
            transfer = self.get(out_bill_no)
            if transfer.state in (CANCELING, CANCELLED):
                return transfer
            if transfer.state not in CANCELABLE:
                raise _invalid("当前单据状态不允许撤销")
            after_s = self.rules.cancel_s
            return self._move(transfer, CANCELING, planned=CANCELLED, after_s=after_s)

    def confirm(self, out_bill_no: str) -> Transfer:
        """The person confirms. Raises ValueError where there is nothing to confirm."""
        with self._lock:
            transfer = self.get(out_bill_no)
            if transfer.state != WAITING:
                raise ValueError(f"transfer {out_bill_no} is {transfer.state}; there is nothing to confirm")
            return self._move(transfer, MOVING, planned=SUCCESS, after_s=self.rules.moving_s)

    def end(self, out_bill_no: str, outcome: str, *, fail_reason: str | None = None) -> Transfer:
        """End it now. Raises ValueError when it has ended."""
        with self._lock:
            transfer = self.get(out_bill_no)
            if not transfer.pending or outcome not in ENDS:
                raise ValueError(f"transfer {out_bill_no} is {transfer.state}; it cannot become {outcome}")
            return self._end(transfer, outcome, self._clock.now(), fail_reason=fail_reason)

    def settle_due(self) -> float | None:
        """Move on every transfer whose time has come; seconds until the next one, None if none is planned."""
        with self._lock:
            now = self._clock.now()
            while True:
                planned = [each for each in self._transfers.values() if each.due_at is not None]
                if not planned:
                    return None
                first = min(planned, key=_due)
                if _due(first) > now:
                    return _due(first) - now
                self._come_due(first, _due(first))

    def waiting_for(self, openids: Iterable[str]) -> list[Transfer]:
        """What these openids have to confirm, newest first."""
        wanted = frozenset(openids)
        return [each for each in self.everything() if each.state == WAITING and each.request.openid in wanted]

    def by_package(self, package: str) -> Transfer | None:
        """The transfer that a page's package opens."""
        return next((each for each in self.everything() if secrets.compare_digest(each.package, package)), None)

    def everything(self) -> list[Transfer]:
        """All transfers, newest first."""
        with self._lock:
            self.settle_due()
            return list(reversed(self._transfers.values()))

    def totals(self) -> tuple[int, int]:
        """Fen that were given, and fen that are locked."""
        with self._lock:
            everything = self.everything()
            given = sum(each.request.amount for each in everything if each.state == SUCCESS)
            return given, sum(each.request.amount for each in everything if each.pending)

    def _new(self, request: TransferRequest, receiver: str) -> Transfer:
        now, review_s = self._clock.now(), self.rules.review_s
        state, planned, after_s = (ACCEPTED, WAITING, review_s) if review_s else (WAITING, FAIL, CONFIRM_WITHIN_S)
        return Transfer(
            request=request,
            transfer_bill_no=f"13300000711{compact(now)}{secrets.randbelow(10**10):010d}",
            package=secrets.token_urlsafe(48),
            receiver=receiver,
            created_at=now,
            updated_at=now,
            state=state,
            due_at=now + after_s,
            planned=planned,
            fail_reason=None,
        )

    def _come_due(self, transfer: Transfer, at: float) -> None:
        if transfer.planned == WAITING:
            due_at = transfer.created_at + CONFIRM_WITHIN_S
            self._store(replace(transfer, state=WAITING, updated_at=at, due_at=due_at, planned=FAIL))
            return
        overdue = transfer.state == WAITING
        self._end(transfer, transfer.planned, at, fail_reason=OVERDUE if overdue else None)

    def _move(self, transfer: Transfer, state: str, *, planned: str, after_s: float) -> Transfer:
        now = self._clock.now()
        self._store(replace(transfer, state=state, updated_at=now, due_at=now + after_s, planned=planned))
        return self.get(transfer.request.out_bill_no)

    def _end(self, transfer: Transfer, outcome: str, at: float, *, fail_reason: str | None = None) -> Transfer:
        request = transfer.request
        if outcome == SUCCESS:
            self._funds.pay_promised(request.amount, to=transfer.receiver, memo=request.out_bill_no)
        else:
            self._funds.release(request.amount)
        ended = self._store(replace(transfer, state=outcome, updated_at=at, due_at=None, fail_reason=fail_reason))
        self._tell(ended)
        return ended

    def _store(self, transfer: Transfer) -> Transfer:
        self._transfers[transfer.request.out_bill_no] = transfer
        return transfer


def _due(transfer: Transfer) -> float:
    return float("inf") if transfer.due_at is None else transfer.due_at


def _invalid(message: str, *, cause: int = CAUSE_PARAMETER) -> Refusal:
    return Refusal(400, "INVALID_REQUEST", message, cause=cause)

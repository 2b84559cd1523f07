"""The contract book: a number means one contract for ever, signed once and ended once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from wxbackend.simulators.clock import Clock, compact, rfc3339
from wxbackend.simulators.wechat_pay.contract_request import SignRequest
from wxbackend.simulators.wechat_pay.notices import Topic
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_CHANGED_REPEAT,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_PARAMETER,
    Refusal,
)

UNSIGNED, SIGNED, TERMINATED = "UNSIGNED", "SIGNED", "TERMINATED"
BY_USER, BY_MERCHANT = "USER_TERMINATE", "MERCHANT_TERMINATE"
TOPICS = {
    SIGNED: Topic("PAPAY.SIGN", "签约成功", "contract"),
    TERMINATED: Topic("PAPAY.TERMINATE", "解约成功", "contract"),
}
PAGE_LASTS_S = 1800


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the buyer was told of a debit to come: the most in fen, and the first and last moment for it."""

    total: int
    opens_at: float
    closes_at: float


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract and its state; moments are virtual seconds."""

    request: SignRequest
    state: str = UNSIGNED
    contract_id: str = ""
    openid: str = ""
    signed_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""
    remark: str = ""
    schedule: Schedule | None = None


def contract_view(contract: Contract, mchid: str) -> dict[str, object]:
    """A signed contract as queries and notices tell it."""
    request = contract.request
    view: dict[str, object] = {
        "mchid": mchid,
        "contract_id": contract.contract_id,
        "appid": request.appid,
        "plan_id": request.plan_id,
        "out_contract_code": request.code,
        "contract_display_account": request.display_account,
        "contract_state": contract.state,
        "openid": contract.openid,
    }
    if contract.signed_at is not None:
        view["contract_signed_time"] = rfc3339(contract.signed_at)
    if request.user_code is not None:
        view["out_user_code"] = request.user_code
    if contract.ended_at is not None:
        view["contract_terminate_info"] = {
            "contract_termination_mode": contract.ended_by,
            "contract_terminated_time": rfc3339(contract.ended_at),
            "contract_termination_remark": contract.remark,
        }
    return view


class ContractBook:
    """All contracts and pages of the merchant. `tell` hears of each that was signed or ended, under the lock."""

    def __init__(self, clock: Clock, lock: threading.RLock, tell: Callable[[Contract], None]) -> None:
        self._clock = clock
        self._lock = lock
        self._tell = tell
        self._contracts: dict[str, Contract] = {}
        self._numbers: dict[str, str] = {}
        self._pages: dict[str, tuple[str, float]] = {}

    def place(self, request: SignRequest) -> str:
        """Open a page to sign on, or another for the same request; its id. Raises Refusal."""
        with self._lock:
            contract = self._contracts.get(request.code)
            if contract is not None and (contract.request.body, contract.request.scene) != (
                request.body,
                request.scene,
            ):
                raise _invalid("请求重入时，参数与首次请求时不一致", cause=CAUSE_CHANGED_REPEAT)
            if contract is not None and contract.state != UNSIGNED:
                raise _invalid("商户签约协议号已被使用")
            self._contracts.setdefault(request.code, Contract(request))
            page = secrets.token_hex(16)
            self._pages[page] = (request.code, self._clock.now())
            return page

    def behind(self, page: str) -> Contract | None:
        """The contract of a page that has not run out."""
        with self._lock:
            code, opened_at = self._pages.get(page, ("", 0.0))
            return self._contracts.get(code) if self._clock.now() < opened_at + PAGE_LASTS_S else None

    def find(self, code: str) -> Contract | None:
        """The contract with this merchant number, signed or not."""
        with self._lock:
            return self._contracts.get(code)

    def get(self, plan_id: str, code: str) -> Contract:
        """A contract that was signed once. Raises Refusal 404 RESOURCE_NOT_EXISTS."""
        contract = self.find(code)
        if contract is None or contract.state == UNSIGNED or str(contract.request.plan_id) != plan_id:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "协议不存在", cause=CAUSE_ORDER_NOT_FOUND)
        return contract

    def by_id(self, contract_id: str) -> Contract | None:
        """The contract with this WeChat number."""
        with self._lock:
            return self._contracts.get(self._numbers.get(contract_id, ""))

    def sign(self, code: str, openid: str) -> Contract:
        """The buyer agrees. Raises ValueError for a contract that is signed, ended, or meant for somebody else."""
        with self._lock:
            contract = self._contracts[code]
            if contract.state != UNSIGNED:
                raise ValueError(f"contract {code} is {contract.state}")
            if contract.request.openid not in (None, openid):
                raise ValueError(f"contract {code} is for another buyer")
            now = self._clock.now()
            number = f"{compact(now)}{secrets.randbelow(10**10):010d}"
            self._numbers[number] = code
            signed = replace(contract, state=SIGNED, contract_id=number, openid=openid, signed_at=now)
            return self._changed(signed)

    def terminate(self, code: str, *, by: str, remark: str) -> Contract:
        """End it; ended again it stays as it is."""
        with self._lock:
            contract = self._contracts[code]
            if contract.state == UNSIGNED:
                raise ValueError(f"contract {code} is not signed")
            if contract.state == TERMINATED:
                return contract
            ended = replace(contract, state=TERMINATED, ended_at=self._clock.now(), ended_by=by, remark=remark)
            return self._changed(ended)

    def plan(self, code: str, schedule: Schedule | None) -> Contract:
        """Note what the buyer was told of a debit to come, or that it was used."""
        with self._lock:
            self._contracts[code] = replace(self._contracts[code], schedule=schedule)
            return self._contracts[code]

    def everything(self) -> list[Contract]:
        """All contracts, newest first."""
        with self._lock:
            return list(reversed(self._contracts.values()))

    def _changed(self, contract: Contract) -> Contract:
        self._contracts[contract.request.code] = contract
        self._tell(contract)
        return contract


def _invalid(message: str, *, cause: int = CAUSE_PARAMETER) -> Refusal:
    return Refusal(400, "INVALID_REQUEST", message, cause=cause)

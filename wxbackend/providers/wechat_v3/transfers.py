"""Merchant transfers that the recipient confirms (商家转账, doc/v3/merchant/4012716434): wire, mapping and exchanges.

WeChat names the confirming package in its answer to the transfer alone; a query never has it, so an answer that got
lost is asked for by sending the same number again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import orjson

from wxbackend.domain.errors import UnreadableMessage
from wxbackend.domain.merchant_transfer import MerchantTransfer
from wxbackend.domain.observation import Absent, Declined, Pending, Uncertain
from wxbackend.domain.transfer_observation import (
    TransferAccepted,
    TransferAwaiting,
    TransferCanceled,
    TransferCanceling,
    TransferFailed,
    TransferMoving,
    TransferObservation,
    TransferPaid,
    TransferShort,
)
from wxbackend.ports.money_out import Fault
from wxbackend.ports.provider import Exchange, Reply
from wxbackend.providers.wechat_v3 import wire
from wxbackend.providers.wechat_v3.config import MerchantConfig
from wxbackend.providers.wechat_v3.keys import KeyRing
from wxbackend.providers.wechat_v3.sealing import PLAIN_BYTES_MAX, seal_field

T = TypeVar("T")

PATH: Final = "/v3/fund-app/mch-transfer/transfer-bills"
NOTICE_KINDS: Final = frozenset({"MCHTRANSFER.BILL.FINISHED"})
CONFIRM_WITHIN_MS: Final = 86_400_000
"""WeChat closes a transfer that was not confirmed for a day (reference: merchant transfer)."""
NAME_NEEDED_FROM_FEN: Final = 200_000
NAME_REFUSED_BELOW_FEN: Final = 30
NOT_KNOWN: Final = frozenset({"NOT_FOUND", "RESOURCE_NOT_EXISTS"})
REPORTS: Final[dict[str, tuple[str, ...]]] = {
    "1000": ("活动名称", "奖励说明"),
    "1002": ("补贴类型",),
    "1004": ("保险产品备案编号", "保险名称", "保险操作单号"),
    "1005": ("岗位类型", "报酬说明"),
    "1009": ("采购商品名称",),
    "1010": ("回收商品名称",),
    "1011": ("赔付原因",),
    "1013": ("公益活动名称", "公益活动备案编号"),
}
"""The scenes, and what each wants to be told (reference: merchant transfer scenes)."""
REASONS: Final = {
    "OVERDUE_CLOSE": "expired",
    "NAME_NOT_CORRECT": "recipient_name_mismatch",
    "REALNAME_CHECK_FAIL": "recipient_name_mismatch",
    "ID_CARD_NOT_CORRECT": "recipient_name_mismatch",
    "OPENID_INVALID": "recipient_invalid",
    "ACCOUNT_NOT_EXIST": "recipient_invalid",
    "ACCOUNT_FROZEN": "recipient_account_unusable",
    "PAYEE_ACCOUNT_ABNORMAL": "recipient_account_unusable",
    "RECEIVE_ACCOUNT_NOT_PERMMIT": "recipient_account_unusable",
    "USER_ACCOUNT_LIMIT": "recipient_limit_exceeded",
    "TRANSFER_QUOTA_EXCEED": "limit_exceeded",
    "DAY_RECEIVED_QUOTA_EXCEED": "recipient_limit_exceeded",
    "DAY_RECEIVED_COUNT_EXCEED": "recipient_limit_exceeded",
    "NOT_ENOUGH": "insufficient_funds",
    "PAYER_ACCOUNT_ABNORMAL": "merchant_account_unusable",
}
"""Why it failed, in our words; any other reason is `declined`."""
_ONLY_A_HANDLE: Final[dict[str, Callable[[str], TransferObservation]]] = {
    "ACCEPTED": TransferAccepted,
    "PROCESSING": TransferAccepted,
    "TRANSFERING": TransferMoving,
    "CANCELING": TransferCanceling,
    "CANCELLED": TransferCanceled,
}


class Line(Protocol):
    """What these exchanges need of the adapter: how it signs, and how it reads answers."""

    _config: MerchantConfig
    _keys: KeyRing

    def _now_s(self) -> int: ...

    def _exchange(
        self,
        purpose: str,
        method: str,
        target: str,
        body: bytes,
        read: Callable[[Reply], T],
        *,
        sealed_for: str | None = None,
    ) -> Exchange[T]: ...

    def _prove(self, reply: Reply) -> None: ...

    def _error(self, reply: Reply) -> tuple[str, str, str]: ...

    def _bill(self, transfer: MerchantTransfer, reply: Reply) -> TransferObservation: ...

    def _unless_known(self, reply: Reply) -> TransferObservation: ...

    def _sealing_fault(self, transfer: MerchantTransfer) -> Fault | None: ...


class TransferCalls:
    """See `ports.money_out.MoneyOut`."""

    def transfer_fault(self: Line, transfer: MerchantTransfer) -> Fault | None:
        """What WeChat would refuse."""
        return _fault(transfer) or self._sealing_fault(transfer)

    def transfer(self: Line, transfer: MerchantTransfer) -> Exchange[TransferObservation]:
        """Begin a transfer, or hear again where it stands (doc/v3/merchant/4012716434)."""
        serial, sealed_name = None, None
        if transfer.payee_name is not None:
            found = self._keys.for_sealing(self._config.public_key_id, now_s=self._now_s())
            assert found is not None, "a transfer with a name is only recorded when there is a key to seal it with"
            serial, key = found
            sealed_name = seal_field(key, transfer.payee_name)
        body = _body(transfer, sealed_name, notify_url=self._config.notify_url)

        def read(reply: Reply) -> TransferObservation:
            if reply.status != 200:
                return _of_error(reply.status, *self._error(reply))
            return self._bill(transfer, reply)

        return self._exchange("transfer", "POST", PATH, body, read, sealed_for=serial)

    def query_transfer(self: Line, transfer: MerchantTransfer) -> Exchange[TransferObservation]:
        """Ask by our number (doc/v3/merchant/4012716437)."""

        def read(reply: Reply) -> TransferObservation:
            if reply.status != 200:
                return self._unless_known(reply)
            return self._bill(transfer, reply)

        return self._exchange("query_transfer", "GET", _target(transfer), b"", read)

    def cancel_transfer(self: Line, transfer: MerchantTransfer) -> Exchange[TransferObservation]:
        """Take it back by our number (doc/v3/merchant/4012716458); only a query tells whether it worked."""

        def read(reply: Reply) -> TransferObservation:
            if reply.status != 200:
                return self._unless_known(reply)
            return self._bill(transfer, reply)

        return self._exchange("cancel_transfer", "POST", f"{_target(transfer)}/cancel", b"", read)

    def _bill(self: Line, transfer: MerchantTransfer, reply: Reply) -> TransferObservation:
        self._prove(reply)
        try:
            bill = wire.parse_object(reply.body)
            package = wire.text(bill, "package_info")
            params = None
            if package:
                params = {"mchId": transfer.merchant, "appId": transfer.app, "package": package}
            return of_bill(bill, client_params=params)
        except UnreadableMessage as error:
            return Uncertain(str(error))

    def _unless_known(self: Line, reply: Reply) -> TransferObservation:
        code, _, _ = self._error(reply)
        if code in NOT_KNOWN:
            self._prove(reply)
            return Absent()
        return Uncertain(f"the provider answered {reply.status} {code}")

    def _sealing_fault(self: Line, transfer: MerchantTransfer) -> Fault | None:
        if transfer.payee_name is None:
            return None
        if len(transfer.payee_name.encode()) > PLAIN_BYTES_MAX:
            return Fault("destination[name]", f"A name has at most {PLAIN_BYTES_MAX} bytes.", "parameter_too_long")
        if self._keys.for_sealing(self._config.public_key_id, now_s=self._now_s()) is None:
            why = "There is no key of WeChat Pay yet to encrypt the name with. Try again soon."
            return Fault("destination[name]", why)
        return None


def of_bill(bill: dict[str, Any], *, client_params: dict[str, str] | None = None) -> TransferObservation:
    """What a transfer means, as an answer or a notice shows it."""
    state = wire.required_text(bill, "state")
    handle = wire.text(bill, "transfer_bill_no") or ""
    if state in _ONLY_A_HANDLE:
        return _ONLY_A_HANDLE[state](handle)
    match state:
        case "WAIT_USER_CONFIRM":
            created_ms = wire.read_time_ms(wire.required_text(bill, "create_time"))
            if created_ms is None:
                raise UnreadableMessage("the transfer's create_time is no time")
            return TransferAwaiting(handle, created_ms + CONFIRM_WITHIN_MS, client_params)
        case "SUCCESS":
            if "transfer_amount" not in bill:
                return TransferMoving(handle)  # the answer to a transfer names no amount; a query does
            paid_ms = wire.read_time_ms(wire.text(bill, "update_time")) or 0
            return TransferPaid(handle, paid_ms, wire.required_amount(bill, "transfer_amount"))
        case "FAIL":
            return TransferFailed(handle, REASONS.get(wire.text(bill, "fail_reason") or "", "declined"))
    return Pending(state)


def _body(transfer: MerchantTransfer, sealed_name: str | None, *, notify_url: str) -> bytes:
    body: dict[str, Any] = {
        "appid": transfer.app,
        "out_bill_no": transfer.out_bill_no,
        "transfer_scene_id": transfer.scene,
        "openid": transfer.payee,
        "transfer_amount": transfer.money.amount,
        "transfer_remark": transfer.description,
        "notify_url": notify_url,
        "transfer_scene_report_infos": [
            {"info_type": info.type, "info_content": info.content} for info in transfer.reports
        ],
    }
    if sealed_name is not None:
        body["user_name"] = sealed_name
    if transfer.perception is not None:
        body["user_recv_perception"] = transfer.perception
    return orjson.dumps(body)


def _target(transfer: MerchantTransfer) -> str:
    return f"{PATH}/out-bill-no/{quote(transfer.out_bill_no, safe='')}"


def _of_error(status: int, code: str, message: str, request_id: str) -> TransferObservation:
    """429, 401 and 5xx prove nothing; too low a balance can be topped up."""
    if code in {"NOT_ENOUGH", "NOTENOUGH"}:
        return TransferShort()
    if status == 429 or status >= 500 or status == 401:
        return Uncertain(f"the provider answered {status} {code}")
    return Declined(
        "transfer_declined",
        code.lower() or "unknown",
        f"WeChat Pay refused the transfer ({code}).",
        operator_hint=f"{status} {code} {message} (Request-ID {request_id})",
    )


def _fault(transfer: MerchantTransfer) -> Fault | None:
    wanted = REPORTS.get(transfer.scene)
    if wanted is None:
        known = ", ".join(REPORTS)
        return Fault("scene", f"WeChat Pay knows the scenes {known}; take one that the console granted you.")
    given = tuple(info.type for info in transfer.reports)
    if sorted(given) != sorted(wanted):
        return Fault("scene_report", f"Scene {transfer.scene} wants exactly these types: {', '.join(wanted)}.")
    amount, name = transfer.money.amount, transfer.payee_name
    if amount >= NAME_NEEDED_FROM_FEN and name is None:
        return Fault("destination[name]", "From 2000.00 CNY on WeChat Pay wants the recipient's name.",
                     "parameter_missing")  # fmt: skip
    if amount < NAME_REFUSED_BELOW_FEN and name is not None:
        return Fault("destination[name]", "Below 0.30 CNY WeChat Pay takes no name; leave it out.")
    return None

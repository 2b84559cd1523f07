"""What WeChat's answers about payment codes mean (付款码支付). No notice ever comes: these and queries are all we hear.

The error codes are written here without underscores, since they are seen both ways
(reference: WeChat Pay v2 micropay, error classes).
"""

from __future__ import annotations

from typing import Any, Final

from wxbackend.domain.observation import Absent, Closed, Declined, Observation, Pending, Uncertain
from wxbackend.providers.wechat_v3 import mapping, wire

BUYER_IS_ASKED: Final = frozenset({"USERPAYING"})
UNKNOWN: Final = frozenset({"SYSTEMERROR", "BANKERROR", "ORDERPAID", "OUTTRADENOUSED", "FREQUENCYLIMITED"})
ENDED: Final = frozenset({"ORDERCLOSED", "ORDERREVERSED"})
ABSENT: Final = frozenset({"ORDERNOTEXIST"})
AGAIN: Final = frozenset({"SYSTEMERROR", "USERPAYING", "BANKERROR", "FREQUENCYLIMITED"})
_EXPIRED: Final = ("auth_code_expired", "The payment code is no longer valid. Scan the code that the phone shows now.")
_INVALID: Final = ("auth_code_invalid", "This is no payment code that WeChat can charge. Scan a new one.")
_REFUSED: Final = {
    "AUTHCODEEXPIRE": _EXPIRED,
    "AUTHCODEEXPIRED": _EXPIRED,
    "AUTHCODEERROR": _INVALID,
    "AUTHCODEINVALID": _INVALID,
}
_NO_MONEY: Final = frozenset({"NOTENOUGH"})
REFUSALS: Final = frozenset(
    {*_REFUSED, *_NO_MONEY, "PARAMERROR", "INVALIDREQUEST", "APPIDMCHIDNOTMATCH", "MCHNOTEXISTS", "NOAUTH", "SIGNERROR",
     "TRADEERROR", "RULELIMIT", "NOTSUPORTCARD", "NOTSUPPORTCARD", "BUYERMISMATCH", "APPIDNOTEXIST", "MCHIDNOTEXIST"}
)  # fmt: skip
"""Known words by which nothing was taken."""


def plain(code: str) -> str:
    """An error code without its underscores."""
    return code.replace("_", "")


def of_charge_error(status: int, code: str, message: str, request_id: str) -> Observation:
    """What an error answer to a charge means. Only a refusal that we know says that nothing was taken."""
    word = plain(code)
    if word in BUYER_IS_ASKED:
        return Pending(code)
    if word in ENDED:
        return Closed(code)
    if word in UNKNOWN or word not in REFUSALS or status == 429 or status >= 500:
        return Uncertain(f"the provider answered {status} {code}")
    hint = f"{status} {code} {message} (Request-ID {request_id})"
    if word in _REFUSED:
        decline, told = _REFUSED[word]
        return Declined("payment_method_provider_decline", decline, told, operator_hint=hint)
    if word in _NO_MONEY:
        told = "The buyer has not enough money for this payment."
        return Declined("insufficient_funds", "insufficient_funds", told, operator_hint=hint)
    return mapping.of_order_error(status, code, message, request_id)


def of_reversal(answer: dict[str, Any]) -> Observation:
    """What an accepted reversal means; `recall` Y asks for the same call again (doc/v2 reverse)."""
    return Pending("recall") if wire.text(answer, "recall") == "Y" else Closed("REVOKED")


def of_reversal_error(status: int, code: str, message: str, request_id: str) -> Observation:
    """What an error answer to a reversal means."""
    word = plain(code)
    if word in ENDED:
        return Closed(code)
    if word in ABSENT:
        return Absent()
    if word in AGAIN or status in (401, 429) or status >= 500:
        return Uncertain(f"the provider answered {status} {code}")
    return Declined(
        "reversal_refused",
        code.lower() or "unknown",
        f"WeChat Pay refused to reverse the payment ({code}).",
        operator_hint=f"{status} {code} {message} (Request-ID {request_id})",
    )

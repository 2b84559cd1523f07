"""What API v2 says about payment codes (micropay and reverse). No notice ever comes: these and queries are all we hear.

Only a refusal that is known and signed says that nothing was taken; everything else has to be asked about, a code
that we never saw too: the shop lets the buyer go because of a refusal (reference: WeChat Pay API v2, micropay, error
classes).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wxbackend.domain.observation import Absent, Closed, Declined, Observation, Pending, Uncertain
from wxbackend.providers.wechat_v2 import mapping

BUYER_IS_ASKED: Final = "USERPAYING"
ENDED: Final = frozenset({"ORDERCLOSED", "ORDERREVERSED"})
REFUSED: Final = frozenset(
    {"NOTSUPORTCARD", "NOTSUPPORTCARD", "BUYER_MISMATCH", "RULELIMIT", "TRADE_ERROR", "PARAM_ERROR", "INVALID_REQUEST"}
)
"""Known words by which nothing was taken; an INVALID_REQUEST may also tell of a repeat or of haste."""
REPEATED_OR_HASTY: Final = ("重", "频", "REPEAT", "DUPLICATE", "FREQUEN")
AGAIN: Final = mapping.UNKNOWN_RESULT | mapping.CONFIGURATION | {BUYER_IS_ASKED}
_EXPIRED: Final = ("auth_code_expired", "The payment code is no longer valid. Scan the code that the phone shows now.")
_INVALID: Final = ("auth_code_invalid", "This is no payment code that WeChat can charge. Scan a new one.")
_NO_MONEY: Final = ("insufficient_funds", "The buyer has not enough money for this payment.")
_REFUSED: Final = {
    "AUTHCODEEXPIRE": _EXPIRED,
    "AUTH_CODE_ERROR": _INVALID,
    "AUTH_CODE_INVALID": _INVALID,
    "NOTENOUGH": _NO_MONEY,
}


def of_charge_error(code: str, text: str) -> Observation:
    """What a signed refusal of a charge means."""
    if code == BUYER_IS_ASKED:
        return Pending(code)
    if code in ENDED:
        return Closed(code)
    if code in _REFUSED:
        decline, told = _REFUSED[code]
        kind = "insufficient_funds" if code == "NOTENOUGH" else "payment_method_provider_decline"
        return Declined(kind, decline, told, operator_hint=f"{code} {text}")
    told_of_haste = code == "INVALID_REQUEST" and any(word in text.upper() for word in REPEATED_OR_HASTY)
    if told_of_haste or code not in REFUSED | mapping.CONFIGURATION:
        return Uncertain(f"the provider answered {code}")
    return mapping.of_order_error(code, text)


def of_reversal(answer: Mapping[str, str]) -> Observation:
    """What an accepted reversal means; `recall` Y asks for the same call again."""
    return Pending("recall") if answer.get("recall", "N") not in ("N", "") else Closed("REVOKED")


def of_reversal_error(code: str, text: str, answer: Mapping[str, str]) -> Observation:
    """What a signed refusal of a reversal means; it is final only where WeChat wants no other call."""
    if code in AGAIN or answer.get("recall", "") not in ("N", ""):
        return Uncertain(f"the provider answered {code}")
    if code in ENDED:
        return Closed(code)
    if code in mapping.NOT_KNOWN:
        return Absent()
    if answer.get("recall") != "N":
        return Uncertain(f"the provider answered {code}, and not whether to call again")
    return Declined(
        "reversal_refused",
        code.lower() or "unknown",
        f"WeChat Pay refused to reverse the payment ({code}).",
        operator_hint=f"{code} {text}",
    )

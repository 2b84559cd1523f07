"""When an attempt is looked at again, if nothing is heard of it before."""

from __future__ import annotations

from typing import Final

from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.mandate import Mandate, MandateState
from wxbackend.domain.merchant_transfer import UNSENT, MerchantTransfer, MerchantTransferState
from wxbackend.domain.payment_code import CODE_LOOK_EVERY_S, REVERSE_AFTER_S_MIN
from wxbackend.domain.refund import RefundState
from wxbackend.domain.terminal import Terminal

UNCERTAIN_AFTER_S: Final = (1, 2, 5, 10, 20, 40, 60)
CLOSING_AFTER_S: Final = (1, 2, 5, 15, 60, 300, 600)
OVERDUE_AFTER_S: Final = (1, 5, 15, 60, 300, 600)
REFUND_UNSENT_AFTER_S: Final = (1, 5, 15, 60, 60, 300)
"""For a refund whose sending got no clear answer: a time-out, or too many at a time. It keeps its number."""
ABNORMAL_AFTER_S: Final = 21_600
DEBIT_AFTER_S: Final = (900, 3_600)
"""A debit whose result is late is asked about until it has one; the last pause repeats."""
ENDING_AFTER_S: Final = (1, 5, 15, 60, 300, 3_600)
MANDATE_AFTER_S: Final = 7 * 86_400
"""A contract in force is asked about again, should the notice that the buyer ended it never have come."""


def next_look_ms(attempt: Attempt, *, tries: int, now_ms: int, look_after_s: tuple[float, ...]) -> int:
    """The moment of the next look after `tries` looks, in Unix milliseconds."""
    if attempt.terminal is Terminal.SCAN_CODE:
        return _next_code_look_ms(attempt, tries=tries, now_ms=now_ms)
    match attempt.state:
        case AttemptState.RECORDED | AttemptState.UNCERTAIN:
            return now_ms + _pause_ms(UNCERTAIN_AFTER_S, tries)
        case AttemptState.CLOSING:
            return now_ms + _pause_ms(CLOSING_AFTER_S, tries)
        case AttemptState.OPEN if attempt.is_debit():
            return _next_debit_look_ms(attempt, tries=tries, now_ms=now_ms, look_after_s=look_after_s)
        case _:
            return _next_open_look_ms(attempt, tries=tries, now_ms=now_ms, look_after_s=look_after_s)


def _next_debit_look_ms(attempt: Attempt, *, tries: int, now_ms: int, look_after_s: tuple[float, ...]) -> int:
    planned = attempt.sent_ms + round(look_after_s[tries] * 1000) if tries < len(look_after_s) else None
    late_ms = now_ms + _pause_ms(DEBIT_AFTER_S, tries - len(look_after_s))
    return late_ms if planned is None else max(planned, now_ms + 100)


def _next_open_look_ms(attempt: Attempt, *, tries: int, now_ms: int, look_after_s: tuple[float, ...]) -> int:
    if now_ms >= attempt.expires_ms:
        return now_ms + _pause_ms(OVERDUE_AFTER_S, tries - len(look_after_s))
    if tries >= len(look_after_s):
        return attempt.expires_ms
    planned = attempt.sent_ms + round(look_after_s[tries] * 1000)
    return min(max(planned, now_ms + 100), attempt.expires_ms)


def _next_code_look_ms(attempt: Attempt, *, tries: int, now_ms: int) -> int:
    """A buyer and a cashier are waiting: ask every few seconds, and reverse when the time for the PIN is over."""
    if attempt.state is AttemptState.CLOSING:
        return max(now_ms + _pause_ms(CLOSING_AFTER_S, tries), attempt.sent_ms + REVERSE_AFTER_S_MIN * 1000)
    if now_ms >= attempt.expires_ms:
        return now_ms + _pause_ms(OVERDUE_AFTER_S, tries)
    return min(now_ms + CODE_LOOK_EVERY_S * 1000, attempt.expires_ms)


def next_refund_look_ms(
    state: RefundState, *, tries: int, now_ms: int, look_after_s: tuple[float, ...], short_after_s: float
) -> int:
    """The moment of the next look at a refund after `tries` looks, in Unix milliseconds."""
    match state:
        case RefundState.RECORDED | RefundState.UNCERTAIN:
            return now_ms + _pause_ms(REFUND_UNSENT_AFTER_S, tries)
        case RefundState.SHORT:
            return now_ms + round(short_after_s * 1000)
        case RefundState.ABNORMAL:
            return now_ms + ABNORMAL_AFTER_S * 1000
        case _:
            return now_ms + round(look_after_s[min(tries, len(look_after_s) - 1)] * 1000)


def next_mandate_look_ms(mandate: Mandate, *, tries: int, now_ms: int, look_after_s: tuple[float, ...]) -> int | None:
    """The moment of the next look at a mandate after `tries` looks, in Unix milliseconds; None for never."""
    match mandate.state:
        case MandateState.RECORDED | MandateState.OPEN:
            if now_ms >= mandate.expires_ms:
                return now_ms + _pause_ms(OVERDUE_AFTER_S, tries - len(look_after_s))
            planned = mandate.sent_ms + round(look_after_s[tries] * 1000) if tries < len(look_after_s) else None
            return mandate.expires_ms if planned is None else min(max(planned, now_ms + 100), mandate.expires_ms)
        case MandateState.LAPSED | MandateState.DECLINED:
            # A page that was opened can be signed until then; what is signed there is ended.
            return mandate.expires_ms if now_ms < mandate.expires_ms else None
        case MandateState.ENDING:
            return now_ms + _pause_ms(ENDING_AFTER_S, tries)
        case MandateState.ACTIVE:
            return now_ms + MANDATE_AFTER_S * 1000
        case MandateState.ENDED:
            return None


def next_transfer_look_ms(
    transfer: MerchantTransfer, *, tries: int, now_ms: int, look_after_s: tuple[float, ...], short_after_s: float
) -> int:
    """The moment of the next look at a transfer after `tries` looks, in Unix milliseconds."""
    if transfer.state is MerchantTransferState.SHORT and transfer.is_to_be_sent():
        return now_ms + round(short_after_s * 1000)
    if transfer.state in UNSENT or transfer.is_to_be_sent() or transfer.cancel_requested_ms is not None:
        return now_ms + _pause_ms(UNCERTAIN_AFTER_S, tries)
    return now_ms + round(look_after_s[min(tries, len(look_after_s) - 1)] * 1000)


def next_sharing_look_ms(*, unsent: bool, tries: int, now_ms: int, look_after_s: tuple[float, ...]) -> int:
    """The moment of the next look at a sharing or a return after `tries` looks, in Unix milliseconds."""
    if unsent:
        return now_ms + _pause_ms(UNCERTAIN_AFTER_S, tries)
    return now_ms + round(look_after_s[min(tries, len(look_after_s) - 1)] * 1000)


def _pause_ms(pauses_s: tuple[int, ...], tries: int) -> int:
    return pauses_s[max(0, min(tries, len(pauses_s) - 1))] * 1000

"""When an attempt is looked at again, if nothing is heard of it before."""

from __future__ import annotations

from typing import Final

from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.refund import RefundState

UNCERTAIN_AFTER_S: Final = (1, 2, 5, 10, 20, 40, 60)
CLOSING_AFTER_S: Final = (1, 2, 5, 15, 60, 300, 600)
OVERDUE_AFTER_S: Final = (1, 5, 15, 60, 300, 600)
REFUND_UNSENT_AFTER_S: Final = (1, 5, 15, 60, 60, 300)
"""WeChat takes one refund a minute for the same order; the others wait their turn with their own numbers."""
ABNORMAL_AFTER_S: Final = 21_600


def next_look_ms(attempt: Attempt, *, tries: int, now_ms: int, look_after_s: tuple[float, ...]) -> int:
    """The moment of the next look after `tries` looks, in Unix milliseconds."""
    match attempt.state:
        case AttemptState.RECORDED | AttemptState.UNCERTAIN:
            return now_ms + _pause_ms(UNCERTAIN_AFTER_S, tries)
        case AttemptState.CLOSING:
            return now_ms + _pause_ms(CLOSING_AFTER_S, tries)
        case _:
            if now_ms >= attempt.expires_ms:
                return now_ms + _pause_ms(OVERDUE_AFTER_S, tries - len(look_after_s))
            if tries >= len(look_after_s):
                return attempt.expires_ms
            planned = attempt.sent_ms + round(look_after_s[tries] * 1000)
            return min(max(planned, now_ms + 100), attempt.expires_ms)


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


def _pause_ms(pauses_s: tuple[int, ...], tries: int) -> int:
    return pauses_s[max(0, min(tries, len(pauses_s) - 1))] * 1000

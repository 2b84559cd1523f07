"""What each errcode of WeChat's platform asks of us: one table, and the errors that it becomes.

Reference: WeChat platform, errcode policy. A code that is not in the table is a refusal that repeating does not mend.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from wxbackend.domain.errors import ProviderError
from wxbackend.ports.identity import AppMisconfigured, PlatformBusy, PlatformRefused, QuotaReached, TokenRejected

SLOW_DOWN_S: Final = 60
FATAL_PAUSE_S: Final = 60
"""How long nobody asks again after WeChat said that the app is set up wrongly."""
_DAY_S: Final = 86_400
_BEIJING_S: Final = 8 * 3_600


class Policy(Enum):
    """What to do about an errcode."""

    REPEAT = "repeat a few times, a little later"
    RENEW_TOKEN = "renew the access token once, repeat once"  # noqa: S105 - a policy, not a secret
    LOG_IN_AGAIN = "the buyer has to start the log-in again"
    OUR_REQUEST = "the request is wrong; repeating it does not mend it"
    REFUSE_BUYER = "WeChat does not let this user in"
    STOP_TODAY = "the day's quota is used up: nothing more until it begins anew"
    SLOW_DOWN = "too many within a minute: nothing more for a minute"
    FATAL = "the operator has to change something"
    LATER = "WeChat does not know the order yet"


POLICIES: Final[Mapping[int, Policy]] = {
    -1: Policy.REPEAT,
    40001: Policy.RENEW_TOKEN,
    40014: Policy.RENEW_TOKEN,
    41001: Policy.RENEW_TOKEN,
    42001: Policy.RENEW_TOKEN,
    40029: Policy.LOG_IN_AGAIN,
    40030: Policy.LOG_IN_AGAIN,
    40163: Policy.LOG_IN_AGAIN,
    41008: Policy.LOG_IN_AGAIN,
    42002: Policy.LOG_IN_AGAIN,
    42003: Policy.LOG_IN_AGAIN,
    40002: Policy.FATAL,
    40013: Policy.FATAL,
    40125: Policy.FATAL,
    40164: Policy.FATAL,
    40243: Policy.FATAL,
    41002: Policy.FATAL,
    41004: Policy.FATAL,
    48001: Policy.FATAL,
    48004: Policy.FATAL,
    50002: Policy.FATAL,
    50004: Policy.FATAL,
    50007: Policy.FATAL,
    61024: Policy.FATAL,
    89503: Policy.FATAL,
    40003: Policy.OUR_REQUEST,
    40037: Policy.OUR_REQUEST,
    41030: Policy.OUR_REQUEST,
    43004: Policy.OUR_REQUEST,
    43101: Policy.OUR_REQUEST,
    47001: Policy.OUR_REQUEST,
    47003: Policy.OUR_REQUEST,
    87009: Policy.OUR_REQUEST,
    40226: Policy.REFUSE_BUYER,
    45009: Policy.STOP_TODAY,
    45011: Policy.SLOW_DOWN,
    10060001: Policy.LATER,
}

# What the operator reads in the log.
ADVICE: Final[Mapping[int, str]] = {
    40002: "WeChat does not know the grant type; this is a defect of ours, please report it.",
    40013: "WeChat does not know the appid: check appid and platform_url in the settings.",
    40125: "The AppSecret is wrong: was it reset in WeChat's console? Put the new one into secret_file.",
    40164: "Put this server's address on the app's IP list in WeChat's console.",
    40243: "The AppSecret is frozen: unfreeze it in WeChat's console.",
    41002: "The appid is missing: check the settings.",
    41004: "The AppSecret is missing: check secret_file.",
    48001: "The app has no right to this: apply for it in WeChat's console.",
    48004: "WeChat has blocked this interface for the app: see the console's messages.",
    50002: "WeChat has restricted the app: see the console's messages.",
    50004: "WeChat has restricted the app: see the console's messages.",
    50007: "WeChat has blocked the account: see the console's messages.",
    61024: "The app is run by a third-party platform: its own access token is not accepted.",
    89503: "WeChat waits for the administrator's consent to this server's address: see the phone.",
}


def policy_of(errcode: int) -> Policy:
    """What to do about it."""
    return POLICIES.get(errcode, Policy.OUR_REQUEST)


def refusal(errcode: int) -> ProviderError:
    """The error that an errcode becomes for those who asked."""
    match policy_of(errcode):
        case Policy.REPEAT:
            return PlatformBusy(f"WeChat is busy (errcode {errcode})")
        case Policy.RENEW_TOKEN:
            return TokenRejected(errcode)
        case Policy.FATAL:
            return AppMisconfigured(errcode)
        case Policy.STOP_TODAY | Policy.SLOW_DOWN:
            return QuotaReached(errcode)
        case _:
            return PlatformRefused(errcode)


def pause_s(errcode: int, now_ms: int) -> int:
    """For how many seconds nobody shall ask again; 0 when the next one may. Quotas begin anew at Beijing's midnight."""
    match policy_of(errcode):
        case Policy.STOP_TODAY:
            return _DAY_S - (now_ms // 1000 + _BEIJING_S) % _DAY_S
        case Policy.SLOW_DOWN:
            return SLOW_DOWN_S
        case Policy.FATAL:
            return FATAL_PAUSE_S
        case _:
            return 0

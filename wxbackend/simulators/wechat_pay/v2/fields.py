"""What each request of API v2 may hold: names, lengths and kinds; everything on the wire is text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from wxbackend.simulators.clock import BEIJING
from wxbackend.simulators.wechat_pay.v2.signing import SIGN_TYPES

NUMBER = re.compile(r"[0-9A-Za-z_\-|*]+")
REFUND_NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]+")
MONEY = re.compile(r"[1-9][0-9]{0,9}")
MOMENT = re.compile(r"[0-9]{14}")
ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,64}")
FUNDS = frozenset({"REFUND_SOURCE_UNSETTLED_FUNDS", "REFUND_SOURCE_RECHARGE_FUNDS"})


class UnheardError(Exception):
    """An answer with `return_code` FAIL, which nobody signs; `verdict` is the published code for it."""

    def __init__(self, verdict: str, message: str) -> None:
        super().__init__(verdict)
        self.verdict = verdict
        self.message = message


@dataclass(frozen=True, slots=True)
class Rule:
    """A value of at most so many bytes (UTF-8)."""

    longest: int
    pattern: re.Pattern[str] | None = None
    choices: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The names that must and may be there beside those that every request has."""

    required: Mapping[str, Rule]
    optional: Mapping[str, Rule] = field(default_factory=dict)


EVERYWHERE = Shape(
    required={"appid": Rule(32), "mch_id": Rule(32), "nonce_str": Rule(32), "sign": Rule(64)},
    optional={"sign_type": Rule(32, choices=SIGN_TYPES)},
)
_CNY = Rule(16, choices=frozenset({"CNY"}))
_OUT_TRADE_NO = Rule(32, NUMBER)
_GOODS = {
    "device_info": Rule(32), "detail": Rule(6000), "attach": Rule(127), "fee_type": _CNY, "goods_tag": Rule(32),
    "time_start": Rule(14, MOMENT), "time_expire": Rule(14, MOMENT), "limit_pay": Rule(32), "receipt": Rule(8),
    "profit_sharing": Rule(16), "scene_info": Rule(256),
}  # fmt: skip
# Field limits: reference, WeChat Pay API v2 (lengths of body are bytes).
_SALE = {
    "body": Rule(128), "out_trade_no": _OUT_TRADE_NO, "total_fee": Rule(10, MONEY),
    "spbill_create_ip": Rule(64, ADDRESS),
}  # fmt: skip
# What one product must have beside what every order has; the others may have it, and it says nothing there.
NEEDS = {"JSAPI": "openid", "NATIVE": "product_id", "MWEB": "scene_info"}
TRADE_TYPES = frozenset({*NEEDS, "APP"})
ORDER = Shape(
    required={**_SALE, "notify_url": Rule(256), "trade_type": Rule(16, choices=TRADE_TYPES)},
    optional={**_GOODS, "product_id": Rule(32), "openid": Rule(128)},
)
# Nobody is told of it later, and the code says who pays: no notify_url, trade_type or openid.
CODE_PAY = Shape(required={**_SALE, "auth_code": Rule(128)}, optional=_GOODS)
QUERY = Shape(required={}, optional={"out_trade_no": _OUT_TRADE_NO, "transaction_id": Rule(32)})
CLOSE = Shape(required={"out_trade_no": _OUT_TRADE_NO})
REVERSE = QUERY
REFUND = Shape(
    required={"out_refund_no": Rule(64, REFUND_NUMBER), "total_fee": Rule(10, MONEY), "refund_fee": Rule(10, MONEY)},
    optional={
        "transaction_id": Rule(32), "out_trade_no": _OUT_TRADE_NO, "refund_fee_type": _CNY, "refund_desc": Rule(80),
        "refund_account": Rule(30, choices=FUNDS),
        "notify_url": Rule(256),
    },
)  # fmt: skip
REFUND_QUERY = Shape(
    required={},
    optional={
        "transaction_id": Rule(32), "out_trade_no": _OUT_TRADE_NO, "out_refund_no": Rule(64, REFUND_NUMBER),
        "refund_id": Rule(32), "offset": Rule(3, re.compile(r"[0-9]+")),
    },
)  # fmt: skip


def check(fields: Mapping[str, str], shape: Shape) -> None:
    """Hold a request against its shape. Raises UnheardError that names the first field in breach of it."""
    required = {**EVERYWHERE.required, **shape.required}
    known = {**required, **EVERYWHERE.optional, **shape.optional}
    for name in required:
        if not fields.get(name):
            raise lacking(name)
    for name, value in fields.items():
        rule = known.get(name)
        if rule is None:
            raise UnheardError("PARAM_ERROR", f"多余的参数{name}")
        if value:
            _check_value(name, value, rule)


def lacking(name: str) -> UnheardError:
    """A field that must be there is not."""
    return UnheardError("LACK_PARAMS", f"缺少参数{name}")


def malformed(name: str) -> UnheardError:
    """A field is there and cannot be read."""
    return UnheardError("PARAM_ERROR", f"{name}参数格式错误")


def read_moment(fields: Mapping[str, str], name: str) -> float | None:
    """A moment of Beijing time in fourteen digits, or None if it is not there. Raises UnheardError."""
    value = fields.get(name)
    if not value:
        return None
    try:
        return datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).timestamp()
    except ValueError as error:
        raise malformed(name) from error


def _check_value(name: str, value: str, rule: Rule) -> None:
    fits = len(value.encode()) <= rule.longest
    if not fits or (rule.pattern is not None and not rule.pattern.fullmatch(value)):
        raise malformed(name)
    if rule.choices is not None and value not in rule.choices:
        raise malformed(name)
    if any(character > "\uffff" for character in value):
        raise malformed(name)

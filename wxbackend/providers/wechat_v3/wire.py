"""The JSON of API v3: how our order is spelled, and how their answers are read. Words stay theirs here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import quote

import orjson

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import UnreadableMessage

ORDER_PATH: Final = "/v3/pay/transactions/jsapi"
BEIJING: Final = timezone(timedelta(hours=8))
JSON_DEPTH_BYTES_MAX: Final = 1024 * 1024


def order_body(attempt: Attempt, *, notify_url: str) -> bytes:
    """The body of a JSAPI order; the same attempt always gives the same bytes."""
    return orjson.dumps(
        {
            "appid": attempt.app,
            "mchid": attempt.merchant,
            "description": attempt.description,
            "out_trade_no": attempt.out_trade_no,
            "time_expire": rfc3339(attempt.expires_ms),
            "notify_url": notify_url,
            "amount": {"total": attempt.money.amount, "currency": attempt.money.currency},
            "payer": {"openid": attempt.payer},
        }
    )


def query_target(attempt: Attempt) -> str:
    """Path and query that ask for an order by our number."""
    return f"/v3/pay/transactions/out-trade-no/{_part(attempt.out_trade_no)}?mchid={_part(attempt.merchant)}"


def close_target(attempt: Attempt) -> str:
    """Path that closes an order."""
    return f"/v3/pay/transactions/out-trade-no/{_part(attempt.out_trade_no)}/close"


def close_body(attempt: Attempt) -> bytes:
    """The body that closes an order."""
    return orjson.dumps({"mchid": attempt.merchant})


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object, or `UnreadableMessage`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableMessage("the message is not JSON") from error
    if not isinstance(value, dict):
        raise UnreadableMessage("the message is not a JSON object")
    return value


def text(source: dict[str, Any], *path: str) -> str | None:
    """The text at a path, or None when it is absent or not text."""
    value: Any = source
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value if isinstance(value, str) else None


def required_text(source: dict[str, Any], *path: str) -> str:
    """The text at a path; `UnreadableMessage` names it when there is none."""
    value = text(source, *path)
    if not value:
        raise UnreadableMessage(f"the message has no {'.'.join(path)}")
    return value


def required_amount(source: dict[str, Any], *path: str) -> int:
    """The integer at a path; `UnreadableMessage` names it when it is not one."""
    value: Any = source
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if type(value) is not int:
        raise UnreadableMessage(f"the message has no integer {'.'.join(path)}")
    return value


def rfc3339(time_ms: int) -> str:
    """A moment as WeChat writes it, in Beijing time and whole seconds."""
    moment = datetime.fromtimestamp(time_ms // 1000, tz=UTC).astimezone(BEIJING)
    return moment.isoformat(timespec="seconds")


def read_time_ms(value: str | None) -> int | None:
    """Unix milliseconds of an RFC 3339 time, or None when there is none or it is not one."""
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def _part(value: str) -> str:
    return quote(value, safe="")

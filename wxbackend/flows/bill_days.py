"""Days as bills have them, in Beijing, and when a day's bill can be had: from ten in the morning of the next day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from wxbackend.domain.errors import InvalidRequest

BEIJING: Final = timezone(timedelta(hours=8))
READY_HOUR: Final = 10
DAYS_KEPT: Final = 90
"""WeChat keeps bills for three months."""
DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1)


def latest_ready(now_ms: int) -> date:
    """The last day whose bill can be had."""
    moment = _beijing(now_ms)
    return moment.date() - timedelta(days=1 if moment.hour >= READY_HOUR else 2)


def day_of(now_ms: int) -> date:
    """The day of a moment."""
    return _beijing(now_ms).date()


def bounds_ms(day: str) -> tuple[int, int]:
    """The first moment of a day, and the first after it."""
    days = (date.fromisoformat(day) - _EPOCH).days
    start_ms = days * DAY_MS - 8 * 3_600_000
    return start_ms, start_ms + DAY_MS


def read_day(text: str, *, param: str) -> str:
    """A day as YYYY-MM-DD; `InvalidRequest` for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise InvalidRequest(f"{param} must be a day such as 2026-11-21.", code="parameter_invalid", param=param)
    return text


def _beijing(moment_ms: int) -> datetime:
    return datetime.fromtimestamp(moment_ms // 1000, tz=UTC).astimezone(BEIJING)

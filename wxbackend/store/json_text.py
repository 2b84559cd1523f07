"""Structured values as JSON text in a column."""

from __future__ import annotations

from typing import Any

import orjson


def to_text(value: Any) -> str | None:
    """JSON text, or None for None and for an empty mapping."""
    if value is None or value == {}:
        return None
    return orjson.dumps(value).decode()


def from_text(text: str | None) -> Any:
    """What `to_text` was given."""
    return None if text is None else orjson.loads(text)

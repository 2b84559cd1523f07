"""Answers that went well."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response

from wxbackend.api.errors import JSON_TYPE


def json_answer(body: dict[str, Any], *, status: int = 200) -> Response:
    """JSON bytes, made once."""
    return Response(orjson.dumps(body), status=status, content_type=JSON_TYPE)

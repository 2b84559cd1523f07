"""Logs: one JSON object a line, and no secret, openid, body or address in any of them."""

from __future__ import annotations

import logging
import os
import sys

import orjson
import structlog


def configure() -> None:
    """Set up the process's logs; WXBACKEND_LOG_LEVEL chooses how much (default WARNING in a terminal, else INFO)."""
    level = os.environ.get("WXBACKEND_LOG_LEVEL", "WARNING" if sys.stderr.isatty() else "INFO").upper()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # Its warnings quote addresses, and WeChat demands secrets in some of them.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda value, **_: orjson.dumps(value, default=str)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )

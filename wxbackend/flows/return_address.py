"""Where a browser is sent after paying; the seed documents write it without a scheme, a browser needs one."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from wxbackend.domain.errors import InvalidRequest

PARAM: Final = "return_url"


def whole_address(url: str) -> str:
    """The address with its scheme; `InvalidRequest` when it names no host."""
    whole = url if url.startswith(("http://", "https://")) else f"https://{url.removeprefix('//')}"
    try:
        parts = urlsplit(whole)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        raise InvalidRequest("return_url names no host to send the buyer back to.", code="url_invalid", param=PARAM)
    return whole

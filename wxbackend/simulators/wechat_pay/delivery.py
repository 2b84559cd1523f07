"""One POST to a merchant: five seconds in all, no redirect followed, and whatever happens becomes a record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

ANSWER_TIMEOUT_S = 5.0
ANSWER_BYTES_MAX = 4096
EXCERPT_CHARACTERS = 500
READ_BLOCK_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `status` is None where no answer arrived in time; `error` then says why."""

    status: int | None
    error: str | None
    duration_ms: int
    excerpt: str

    @property
    def accepted(self) -> bool:
        """Whether WeChat counts this as told: any 2xx, never a redirect."""
        return self.status is not None and 200 <= self.status < 300

    def view(self) -> dict[str, object]:
        """The reply as the desk shows it."""
        return {
            "status": self.status,
            "error": self.error,
            "duration_ms": self.duration_ms,
            "response": self.excerpt,
        }


class Sender:
    """Posts notices; safe to use from many threads."""

    def __init__(self) -> None:
        self._pools = urllib3.PoolManager(num_pools=32, maxsize=8)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send and wait for the answer, at most ANSWER_TIMEOUT_S from first to last byte."""
        started = time.monotonic()
        status, error, excerpt = None, None, b""
        try:
            response = self._pools.request(
                "POST",
                url,
                body=body,
                headers=dict(headers),
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=ANSWER_TIMEOUT_S),
            )
            try:
                excerpt = _read(response, started)
                status = response.status
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"[:EXCERPT_CHARACTERS]
        duration_s = time.monotonic() - started
        if status is not None and duration_s > ANSWER_TIMEOUT_S:
            status, error = None, "AnswerTooLate"
        text = excerpt.decode("utf-8", "replace")[:EXCERPT_CHARACTERS]
        return Reply(status, error, int(duration_s * 1000), text)

    def close(self) -> None:
        """Close the connections."""
        self._pools.clear()


def _read(response: urllib3.BaseHTTPResponse, started: float) -> bytes:
    received = b""
    while len(received) < ANSWER_BYTES_MAX and time.monotonic() - started <= ANSWER_TIMEOUT_S:
        block = response.read(READ_BLOCK_BYTES)
        if not block:
            break
        received += block
    return received

"""Posts one signed event to one public endpoint, within ten seconds and without following redirects."""

from __future__ import annotations

import random
from typing import Final

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from wxbackend.delivery import schedule, signature
from wxbackend.delivery.excerpt import excerpt
from wxbackend.delivery.guard import Guard, NotPublic, guarded
from wxbackend.ports.delivery import Outcome, Parcel
from wxbackend.transport.pool import bounded_pool

CONNECT_TIMEOUT_S: Final = 3.0
TOTAL_TIMEOUT_S: Final = 10.0
ANSWER_BYTES_READ_MAX: Final = 4096
CONNECTIONS_PER_ENDPOINT_MAX: Final = 16
ENDPOINTS_POOLED_MAX: Final = 256
NOT_PUBLIC: Final = "the address is not public"


class HttpCourier:
    """See `ports.delivery.Courier`."""

    def __init__(
        self,
        delays_s: tuple[float, ...] = schedule.DELAYS_S,
        *,
        total_s: float = TOTAL_TIMEOUT_S,
        allow_private: bool = False,
        guard: Guard | None = None,
    ) -> None:
        self._delays_s = delays_s
        self._timeout = Timeout(connect=min(CONNECT_TIMEOUT_S, total_s), total=total_s)
        pool = bounded_pool(pause_s=total_s, hosts_max=ENDPOINTS_POOLED_MAX, per_host_max=CONNECTIONS_PER_ENDPOINT_MAX)
        self._pool = guarded(pool, guard or (Guard(may_call=lambda _: True) if allow_private else Guard()))

    def deliver(self, parcel: Parcel) -> Outcome:
        """Try once."""
        signed = signature.header(parcel.endpoint.secrets_at(parcel.now_ms), parcel.body, now_s=parcel.now_ms // 1000)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "wxbackend-webhooks/1",
            "Wx-Signature": signed,
            "Wooshpay-Signature": signed,
            "Wx-Event-Id": parcel.event_id,
            "Wx-Delivery-Attempt": str(parcel.number),
        }
        try:
            answer = self._pool.request(
                "POST",
                parcel.endpoint.url,
                headers=headers,
                body=parcel.body,
                timeout=self._timeout,
                redirect=False,
                preload_content=False,
            )
        except NotPublic:
            return Outcome(None, NOT_PUBLIC)
        except (HTTPError, OSError, ValueError) as error:
            return Outcome(None, type(error).__name__)
        return Outcome(answer.status, f"HTTP {answer.status}", self._finish(answer))

    @staticmethod
    def _finish(answer: urllib3.BaseHTTPResponse) -> str:
        """The status is the answer; a short body is read so that the connection can be used again."""
        try:
            rest = answer.read(ANSWER_BYTES_READ_MAX + 1, decode_content=False)
        except (HTTPError, OSError):
            answer.close()
            return ""
        if len(rest) > ANSWER_BYTES_READ_MAX:
            answer.close()
        else:
            answer.release_conn()
        is_text = "content-encoding" not in answer.headers  # nobody asked for one, and nobody unpacks it
        return excerpt(rest) if is_text else ""

    def next_delay_s(self, tries: int) -> float | None:
        """The pause after that many failed tries."""
        return schedule.delay_s(self._delays_s, tries, chance=random.random())  # noqa: S311, TID251 - scatter only

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

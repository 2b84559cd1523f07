"""Sends exchanges over pooled connections with limits, and says whether a failed one may have arrived."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeVar
from urllib.parse import urlsplit

import structlog
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util import Timeout

from wxbackend.domain.errors import ProviderUnknown, ProviderUnreached
from wxbackend.ports.bills import Download
from wxbackend.ports.counting import Counting
from wxbackend.ports.provider import ClientCertificate, Exchange, Reply
from wxbackend.transport.download import keep
from wxbackend.transport.pool import bounded_pool

T = TypeVar("T")

CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 8.0
TOTAL_TIMEOUT_S: Final = 12.0
DOWNLOAD_TIMEOUT_S: Final = 600.0
"""A day's bill may have gigabytes; `read_s` still bounds every silence in it."""
CONNECTIONS_PER_HOST_MAX: Final = 64
HOSTS_MAX: Final = 32
RESPONSE_BYTES_MAX: Final = 1024 * 1024
CHUNK_BYTES: Final = 64 * 1024

_NEVER_LEFT: Final = (NewConnectionError, ConnectTimeoutError, NameResolutionError)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take, in seconds: to connect, between two bytes, and in all."""

    connect_s: float = CONNECT_TIMEOUT_S
    read_s: float = READ_TIMEOUT_S
    total_s: float = TOTAL_TIMEOUT_S


class HttpTransport:
    """One pool for the process."""

    def __init__(self, limits: Limits = Limits(), *, counting: Counting | None = None) -> None:
        self._limits = limits
        self._counting = counting
        self._pool = bounded_pool(pause_s=limits.read_s, hosts_max=HOSTS_MAX, per_host_max=CONNECTIONS_PER_HOST_MAX)
        self._pools: dict[tuple[str, ClientCertificate | None], HTTPConnectionPool] = {}
        self._log = structlog.get_logger("transport")

    def send(self, exchange: Exchange[T]) -> T:
        """Send it; after a connection error, and only then, once more to the back-up address.

        The signature covers the path and not the host, so the same bytes are valid there.
        Raises `ProviderUnreached` when it never left, `ProviderUnknown` when it may have arrived.
        """
        deadline = time.monotonic() + self._limits.total_s
        try:
            reply = self._send_to(exchange.hosts.main, exchange, deadline)
        except ProviderUnreached:
            if exchange.hosts.backup is None or time.monotonic() >= deadline:
                raise
            self._log.warning("backup_host_used", purpose=exchange.purpose)
            reply = self._send_to(exchange.hosts.backup, exchange, deadline)
        return exchange.read(reply)

    def fetch(self, download: Download) -> BinaryIO:
        """A large file, on the disk, proven by its digest alone. Raises what `send` does, and `UnreadableBill`."""
        try:
            return self._fetch_from(download.hosts.main, download)
        except ProviderUnreached:
            if download.hosts.backup is None:
                raise
            return self._fetch_from(download.hosts.backup, download)

    def close(self) -> None:
        """Close all connections that nobody is using; those in use are closed when their answer is read."""
        for pool in list(self._pools.values()):
            pool.close()  # clearing alone closes nothing that is still held here
        self._pools.clear()
        self._pool.clear()

    def _pool_of(self, host: str, client: ClientCertificate | None) -> HTTPConnectionPool:
        """The connections to a host as one client; both stand in the settings, so there are few."""
        pool = self._pools.get((host, client))
        if pool is None:
            pool = self._pools[host, client] = self._pool.connection_from_url(host, pool_kwargs=_proving(client))
        return pool

    def _send_to(self, host: str, exchange: Exchange[T], deadline: float) -> Reply:
        started = time.monotonic()
        name = urlsplit(host).netloc
        try:
            reply = self._request(host, exchange, deadline)
        except _NEVER_LEFT as error:
            self._tell(exchange, name, started, type(error).__name__)
            raise ProviderUnreached(f"{name} cannot be reached ({type(error).__name__})") from error
        except (HTTPError, OSError) as error:
            cause = error.reason if isinstance(error, MaxRetryError) else error
            self._tell(exchange, name, started, type(cause).__name__)
            if isinstance(cause, _NEVER_LEFT):
                raise ProviderUnreached(f"{name} cannot be reached ({type(cause).__name__})") from error
            raise ProviderUnknown(f"{name} gave no whole answer ({type(cause).__name__})") from error
        self._tell(exchange, name, started, str(reply.status), reply.headers.get("request-id"))
        return reply

    def _fetch_from(self, host: str, download: Download) -> BinaryIO:
        exchange = Exchange(
            download.purpose, "GET", download.hosts, download.target, download.headers, b"", lambda reply: reply
        )
        started, name = time.monotonic(), urlsplit(host).netloc
        try:
            answer = self._pool_of(host, None).urlopen(
                "GET",
                download.target,
                headers=download.headers,
                retries=False,
                timeout=Timeout(connect=self._limits.connect_s, total=DOWNLOAD_TIMEOUT_S),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                if answer.status != 200:
                    raise ProviderUnknown(f"the file was answered with {answer.status}")
                file = keep(answer.stream(CHUNK_BYTES, decode_content=False), download.digest)
            except BaseException:
                answer.close()
                raise
            answer.release_conn()
        except _NEVER_LEFT as error:
            self._tell(exchange, name, started, type(error).__name__)
            raise ProviderUnreached(f"{name} cannot be reached ({type(error).__name__})") from error
        except (HTTPError, OSError) as error:
            self._tell(exchange, name, started, type(error).__name__)
            raise ProviderUnknown(f"{name} gave no whole file ({type(error).__name__})") from error
        self._tell(exchange, name, started, "200")
        return file

    def _request(self, host: str, exchange: Exchange[T], deadline: float) -> Reply:
        left = max(0.05, deadline - time.monotonic())
        answer = self._pool_of(host, exchange.client).urlopen(
            exchange.method,
            exchange.target,
            headers=exchange.headers,
            body=exchange.body or None,
            retries=False,
            timeout=Timeout(connect=min(self._limits.connect_s, left), total=left),
            redirect=False,
            preload_content=False,
        )
        if exchange.headers_suffice and answer.status == 200:
            answer.close()
            return Reply(answer.status, answer.headers, b"")
        chunks: list[bytes] = []
        size = 0
        try:
            for chunk in answer.stream(CHUNK_BYTES, decode_content=True):
                size += len(chunk)
                if size > RESPONSE_BYTES_MAX:
                    raise ProviderUnknown(f"the answer is larger than {RESPONSE_BYTES_MAX} bytes")
                chunks.append(chunk)
        except BaseException:
            answer.close()
            raise
        answer.release_conn()
        return Reply(answer.status, answer.headers, b"".join(chunks))

    def _tell(
        self, exchange: Exchange[T], host: str, started: float, result: str, request_id: str | None = None
    ) -> None:
        duration_ms = round((time.monotonic() - started) * 1000)
        self._log.info(
            "exchange",
            purpose=exchange.purpose,
            host=host,
            result=result,
            request_id=request_id,
            duration_ms=duration_ms,
        )
        if self._counting is not None:
            self._counting.exchange(purpose=exchange.purpose, result=result, duration_ms=duration_ms)


def _proving(client: ClientCertificate | None) -> dict[str, str] | None:
    """How the connections of a client prove it; they are never shared with those of another."""
    if client is None:
        return None
    files = {"cert_file": client.certificate_file, "key_file": client.private_key_file}
    return files if client.authority_file is None else files | {"ca_certs": client.authority_file}

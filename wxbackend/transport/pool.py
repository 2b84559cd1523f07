"""Pooled connections whose answers must be whole before a deadline, however slowly they drip.

urllib3 limits each wait for bytes, so a server that sends one byte now and then is never cut off:
not while it sends headers, and not while it sends a body.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


def bounded_pool(*, pause_s: float, hosts_max: int, per_host_max: int) -> urllib3.PoolManager:
    """A pool without retries. `Timeout.total` is the time for a whole answer, `pause_s` the longest silence in it."""
    manager = urllib3.PoolManager(num_pools=hosts_max, maxsize=per_host_max, block=False, retries=False)
    manager.pool_classes_by_scheme = _pool_classes(pause_s)
    return manager


def _pool_classes(pause_s: float) -> dict[str, type[HTTPConnectionPool]]:
    class Answer(HTTPResponse):
        def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
            super().__init__(sock, *arguments, **named)
            # urllib3 has just set what is left of the whole as the socket's time-out.
            whole_s = sock.gettimeout()
            until_s = time.monotonic() + (pause_s if whole_s is None else whole_s)
            self.fp = io.BufferedReader(_Paced(self.fp.detach(), sock, pause_s=pause_s, until_s=until_s))

    class Plain(HTTPConnection):
        response_class = Answer

    class Encrypted(HTTPSConnection):
        response_class = Answer

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


class _Paced(io.RawIOBase):
    """The bytes of a socket until a moment of the monotonic clock."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, *, pause_s: float, until_s: float) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._pause_s = pause_s
        self._until_s = until_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer was not whole in time")
        self._sock.settimeout(min(self._pause_s, left_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()

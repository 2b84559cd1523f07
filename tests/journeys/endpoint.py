"""A merchant's webhook endpoint of a test's own: keeps the exact bytes it was sent, and answers as it is told."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it came in; header names are lower case."""

    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> str:
        """The event's type."""
        found: str = orjson.loads(self.body)["type"]
        return found

    @property
    def subject(self) -> dict[str, Any]:
        """What the event is about."""
        found: dict[str, Any] = orjson.loads(self.body)["data"]["object"]
        return found

    def signed_by(self, secret: str) -> bool:
        """Whether the signature fits these bytes."""
        parts = dict(part.split("=", 1) for part in self.headers["wx-signature"].split(","))
        message = f"{parts['t']}.".encode() + self.body
        wanted = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, parts["v1"])


class Endpoint:
    """The calls so far, and `answer`: what to do with the next one; it may block, and gives a status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self.answer: Callable[[Call], int] = lambda _call: 200
        self.url = ""

    def take(self, call: Call) -> int:
        """Keep a call and say what to answer."""
        with self._lock:
            self._calls.append(call)
        return self.answer(call)

    def calls(self, intent: dict[str, Any], kind: str) -> list[Call]:
        """The calls of one type about one intent, oldest first."""
        with self._lock:
            return [call for call in self._calls if call.type == kind and call.subject["id"] == intent["id"]]


@contextmanager
def listening(port: int, take: Callable[[str, str, Call], int | None]) -> Iterator[None]:
    """An HTTP server on loopback; `take` gets method, path and call, and None cuts the connection."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            call = Call({name.lower(): value for name, value in self.headers.items()}, self.rfile.read(length))
            status = take(self.command, self.path, call)
            self.close_connection = True
            if status is None:
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

        def do_GET(self) -> None:
            self._handle()

        def do_POST(self) -> None:
            self._handle()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

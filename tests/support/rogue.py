"""A server that does to a connection whatever a test wants: real sockets on loopback, no HTTP library."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

LINGER_NONE: Final = struct.pack("ii", 1, 0)
READ_BYTES: Final = 65_536
REQUEST_WAIT_S: Final = 20.0

Behaviour = Callable[[socket.socket, threading.Event], None]


def answer(status: str = "200 OK", body: bytes = b"{}", **headers: str) -> Behaviour:
    """Answer like a server that means well."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def behave(connection: socket.socket, _closing: threading.Event) -> None:
        connection.sendall(whole)

    return behave


def reset(connection: socket.socket, _closing: threading.Event) -> None:
    """Take the request, then cut the connection without an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)


def silence(_connection: socket.socket, closing: threading.Event) -> None:
    """Take the request and say nothing."""
    closing.wait(REQUEST_WAIT_S)


def drip(beginning: bytes, drop: bytes, *, every_s: float) -> Behaviour:
    """Send the beginning, then one drop after the other until the other side gives up."""

    def behave(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(beginning)
        while not closing.wait(every_s):
            connection.sendall(drop)

    return behave


@dataclass(slots=True)
class Rogue:
    """Behaves in the given way once a request is there; `requests` are the raw bytes that came."""

    behaviour: Behaviour
    requests: list[bytes] = field(default_factory=list)
    _closing: threading.Event = field(default_factory=threading.Event)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(REQUEST_WAIT_S)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(REQUEST_WAIT_S)
        with connection, suppress(OSError):
            self.requests.append(_read_request(connection))
            self.behaviour(connection, self._closing)


def _read_request(connection: socket.socket) -> bytes:
    """A whole request, however many pieces it comes in: answering half of one would cut the other half off."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = connection.recv(READ_BYTES)
        if not piece:
            return request
        request += piece
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    sizes = [int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")]
    while sizes and len(body) < sizes[0]:
        piece = connection.recv(READ_BYTES)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body

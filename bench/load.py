"""The load: ready-made requests over keep-alive connections, each sent when the one before it was answered.

It runs in a process of its own, one thread around epoll, so that it takes little of the machine.
"""

from __future__ import annotations

import multiprocessing
import re
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final

from bench.processes import OTHER_CORES, BenchError, pinned

CONNECTIONS: Final = 16
SILENCE_S_MAX: Final = 30.0
CHUNK_BYTES: Final = 64 * 1024
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Driven:
    """What a load brought."""

    seconds: float
    statuses: dict[int, int]
    bodies: list[bytes]
    first_unwanted: bytes = b""

    @property
    def per_s(self) -> float:
        """Answers per second on the wall."""
        return sum(self.statuses.values()) / self.seconds


class Load:
    """The other process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def drive(
        self, port: int, requests: Sequence[bytes], *, wanted: int = 200, connections: int = CONNECTIONS
    ) -> Driven:
        """Send all; raises `BenchError` when an answer is not the wanted status."""
        self._pipe.send((port, list(requests), wanted, connections))
        driven = self._pipe.recv()
        if isinstance(driven, str):
            raise BenchError(f"the load broke: {driven}")
        if set(driven.statuses) != {wanted}:
            raise BenchError(f"answers other than {wanted}: {driven.statuses}\n{driven.first_unwanted.decode()}")
        found: Driven = driven
        return found


@contextmanager
def load() -> Iterator[Load]:
    """A process that makes load, until the caller is done."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(theirs,), daemon=True)
    with pinned(OTHER_CORES):
        process.start()
    try:
        yield Load(ours)
    finally:
        ours.close()
        process.kill()
        process.join()


def _serve(pipe: Connection) -> None:
    while True:
        try:
            port, requests, wanted, connections = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_drive(port, deque(requests), wanted, connections))
        except OSError as error:
            pipe.send(f"{type(error).__name__}: {error}")


@dataclass(slots=True)
class _Line:
    """One connection and what has come of the answer under way."""

    sock: socket.socket
    received: bytearray = field(default_factory=bytearray)


def _drive(port: int, waiting: deque[bytes], wanted: int, connections: int) -> Driven:
    statuses: Counter[int] = Counter()
    bodies: list[bytes] = []
    unwanted = b""
    left = len(waiting)
    poll = select.epoll()
    lines: dict[int, _Line] = {}
    started = time.perf_counter()
    for _ in range(min(connections, left)):
        _open(port, waiting.popleft(), poll, lines)
    while left:
        ready = poll.poll(SILENCE_S_MAX)
        if not ready:
            raise TimeoutError(f"no answer within {SILENCE_S_MAX} s")
        for number, _ in ready:
            line = lines[number]
            chunk = line.sock.recv(CHUNK_BYTES)
            line.received += chunk
            answer = _whole(line.received)
            if answer is None:
                if not chunk:
                    raise ConnectionResetError("closed in the middle of an answer")
                continue
            status, body = answer
            statuses[status] += 1
            bodies.append(body)
            if status != wanted and not unwanted:
                unwanted = body[:2000]
            left -= 1
            _next(port, waiting, poll, lines, number)
    seconds = time.perf_counter() - started
    for line in lines.values():
        line.sock.close()
    poll.close()
    return Driven(seconds, dict(statuses), bodies, unwanted)


def _open(port: int, request: bytes, poll: select.epoll, lines: dict[int, _Line]) -> None:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lines[sock.fileno()] = _Line(sock)
    poll.register(sock.fileno(), select.EPOLLIN)
    sock.sendall(request)


def _next(port: int, waiting: deque[bytes], poll: select.epoll, lines: dict[int, _Line], number: int) -> None:
    line = lines[number]
    closing = b"\r\nconnection: close" in bytes(line.received).lower()
    if waiting and not closing:
        line.received.clear()
        line.sock.sendall(waiting.popleft())
        return
    poll.unregister(number)
    line.sock.close()
    del lines[number]
    if waiting:
        _open(port, waiting.popleft(), poll, lines)


def _whole(received: bytearray) -> tuple[int, bytes] | None:
    """Status and body, when they are there in full."""
    head_ends = received.find(b"\r\n\r\n")
    if head_ends < 0:
        return None
    head = bytes(received[:head_ends])
    status = int(head[9:12])
    length = _LENGTH.search(head)
    body = bytes(received[head_ends + 4 :])
    if len(body) < (int(length[1]) if length else 0):
        return None
    return status, body

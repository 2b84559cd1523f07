"""The reverse proxy before the web processes, as small as it can be: whoever takes the connection gets its bytes."""

from __future__ import annotations

import itertools
import selectors
import socket
import socketserver
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

CONNECT_TIMEOUT_S: Final = 1.0
IDLE_S_MAX: Final = 30.0
PIECE_BYTES: Final = 65_536


class Balancer:
    """Listens on one port of this machine and passes each connection on to the next port that answers."""

    def __init__(self, ports: Sequence[int]) -> None:
        turn = itertools.count()
        lock = threading.Lock()

        def reach() -> socket.socket | None:
            with lock:
                first = next(turn)
            for step in range(len(ports)):
                with suppress(OSError):
                    address = ("127.0.0.1", ports[(first + step) % len(ports)])
                    return socket.create_connection(address, CONNECT_TIMEOUT_S)
            return None

        class Passing(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                behind = reach()
                if behind is not None:
                    with behind, suppress(OSError):
                        _pass_on(self.request, behind)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Passing)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="balancer", daemon=True)

    def start(self) -> None:
        """Begin to pass on."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._server.server_close()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Both ways, until either side ends or both are silent for long."""
    behind = {one: other, other: one}
    with selectors.DefaultSelector() as watch:
        for each in behind:
            watch.register(each, selectors.EVENT_READ)
        while ready := watch.select(IDLE_S_MAX):
            for key, _ in ready:
                source = key.fileobj
                assert isinstance(source, socket.socket)
                piece = source.recv(PIECE_BYTES)
                if not piece:
                    return
                behind[source].sendall(piece)

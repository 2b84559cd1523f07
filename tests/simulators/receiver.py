"""A merchant's notice address on loopback: it remembers what came and answers as told."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Listener(ThreadingHTTPServer):
    """Lets many callers wait in line."""

    request_queue_size = 128
    daemon_threads = True


@dataclass(frozen=True)
class Received:
    """One POST."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers 204 unless `answers` holds other statuses to be used up first."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: deque[int] = deque()
        self.delay_s = 0.0
        self.may_answer = threading.Event()
        self.may_answer.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(Received(dict(self.headers.items()), body))
                time.sleep(receiver.delay_s)
                receiver.may_answer.wait()
                status = receiver.answers.popleft() if receiver.answers else 204
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", receiver.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = Listener(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/notices"

    def close(self) -> None:
        """Stop listening."""
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

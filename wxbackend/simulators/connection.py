"""Cuts the TCP connection of a request, so that the client sees it end without any HTTP answer."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import cast

from flask import Request, Response

LINGER_NONE = struct.pack("ii", 1, 0)


def cut(request: Request) -> Response:
    """Shut the socket; the answer returned can no longer be sent. Raises ConnectionAbortedError without one."""
    connection = cast("socket.socket | None", request.environ.get("gunicorn.socket"))
    if connection is None:
        raise ConnectionAbortedError("the simulated connection was cut")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        connection.shutdown(socket.SHUT_RDWR)
    answer = Response(b"", 200)
    answer.headers["Connection"] = "close"
    return answer

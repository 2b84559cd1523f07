"""Connects only to addresses that it has checked: a name is resolved once, and that answer is the one called.

A name that is looked up to be checked, and again to be called, can answer differently the second time; here there is no
second time. The name itself stays what the Host header, SNI and the certificate are about.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from urllib3 import PoolManager
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from wxbackend.domain.public_address import is_public

ADDRESSES_TRIED_MAX: Final = 3
RESOLVE_TIMEOUT_S: Final = 5.0

Resolve = Callable[[str, int], Sequence[str]]


class NotPublic(NewConnectionError):
    """The name leads to an address that is not public."""


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, as the system's resolver orders them; raises `OSError`, also when it takes too long.

    The resolver knows no time-out of ours, so it runs on a thread that nobody waits for longer.
    """
    found: list[str] = []
    failed: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failed.append(error)
        else:
            found.extend(dict.fromkeys(str(entry[4][0]) for entry in entries))

    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(RESOLVE_TIMEOUT_S)
    if asking.is_alive():
        raise TimeoutError("the resolver did not answer in time")
    if failed:
        raise failed[0]
    return found


@dataclass(frozen=True, slots=True)
class Guard:
    """Which addresses may be called, and how a name becomes addresses."""

    may_call: Callable[[str], bool] = is_public
    resolve: Resolve = resolve

    def connect(self, connection: HTTPConnection) -> socket.socket:
        """A socket to one of the name's addresses; none, when ANY of them may not be called."""
        host = connection.host.strip("[]").rstrip(".")
        try:
            addresses = self.resolve(host, connection.port)
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(connection, "the name cannot be resolved") from error
        if not addresses:
            raise NewConnectionError(connection, "the name has no address")
        if not all(self.may_call(address) for address in addresses):
            raise NotPublic(connection, "the name leads to an address that is not public")
        return _connect_to_one(connection, addresses[:ADDRESSES_TRIED_MAX])


def _connect_to_one(connection: HTTPConnection, addresses: Sequence[str]) -> socket.socket:
    timed_out = False
    for address in addresses:
        try:
            return _connect(connection, address)
        except TimeoutError:
            timed_out = True
        except OSError:
            continue
    if timed_out:
        raise ConnectTimeoutError(connection, "no connection in time")
    raise NewConnectionError(connection, "no connection")


def _connect(connection: HTTPConnection, address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        for option in connection.socket_options or ():
            made.setsockopt(*option)
        timeout_s = connection.timeout
        made.settimeout(timeout_s if isinstance(timeout_s, int | float) else None)
        made.connect((address, connection.port))
    except BaseException:
        made.close()
        raise
    return made


def guarded(manager: PoolManager, guard: Guard) -> PoolManager:
    """The same pool of connections, every one of which asks the guard before it connects."""
    manager.pool_classes_by_scheme = {
        scheme: _guarded_pool(kind, guard) for scheme, kind in manager.pool_classes_by_scheme.items()
    }
    return manager


def _guarded_pool(kind: type[HTTPConnectionPool], guard: Guard) -> type[HTTPConnectionPool]:
    def new_connection(connection: Any) -> socket.socket:
        return guard.connect(connection)

    own: type = type(f"Guarded{kind.ConnectionCls.__name__}", (kind.ConnectionCls,), {"_new_conn": new_connection})
    made: type[HTTPConnectionPool] = type(f"Guarded{kind.__name__}", (kind,), {"ConnectionCls": own})
    return made

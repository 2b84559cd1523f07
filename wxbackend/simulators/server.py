"""Serves the simulator over real HTTP from one process; it refuses to be reached from outside unless told."""

from __future__ import annotations

import argparse
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from gunicorn.app.base import BaseApplication

from wxbackend.simulators.app import create_app
from wxbackend.simulators.credentials import ensure
from wxbackend.simulators.shop.shop import Shop, ShopSettings
from wxbackend.simulators.tls import EncryptedPort
from wxbackend.simulators.world import World

THREADS = 32
GRACEFUL_TIMEOUT_S = 10
WORKER_TIMEOUT_S = 120
KEEPALIVE_S = 5
REQUEST_LINE_BYTES_MAX = 8190


def serve(
    host: str,
    port: int,
    credentials_dir: Path,
    *,
    allow_any_host: bool = False,
    tls_port: int | None = None,
    shop: ShopSettings | None = None,
) -> None:
    """Serve until SIGTERM, with a merchant's shop when its settings are given, and encrypted on a second port.

    Raises ValueError for a host that others could reach, unless `allow_any_host`.
    """
    if not allow_any_host and not is_loopback(host):
        raise ValueError(
            f"{host} can be reached from outside; a simulator belongs on 127.0.0.1 "
            "(pass allow_any_host to do it all the same)"
        )
    credentials = ensure(Path(credentials_dir))
    _Server(lambda: World(credentials), host, port, tls_port=tls_port, shop=shop).run()


def is_loopback(host: str) -> bool:
    """Whether every address behind the name is this machine's own loopback."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    addresses = {str(item[4][0]).split("%")[0] for item in found}
    return bool(addresses) and all(ipaddress.ip_address(item).is_loopback for item in addresses)


def main(arguments: list[str] | None = None) -> None:
    """Command line entry of the simulator alone."""
    parser = argparse.ArgumentParser(prog="wxbackend.simulators.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--tls-port", type=int)
    parser.add_argument("--credentials", type=Path, required=True)
    parser.add_argument("--allow-any-host", action="store_true")
    options = parser.parse_args(arguments)
    serve(
        options.host,
        options.port,
        options.credentials,
        allow_any_host=options.allow_any_host,
        tls_port=options.tls_port,
    )


class _Server(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn with one worker process, since all state is in memory."""

    def __init__(
        self,
        make_world: Callable[[], World],
        host: str,
        port: int,
        *,
        tls_port: int | None,
        shop: ShopSettings | None,
    ) -> None:
        self._make_world = make_world
        self._host = host
        self._tls_port = tls_port
        self._encrypted: EncryptedPort | None = None
        self._shop = shop
        self._bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._world: World | None = None
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": [self._bind],
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": WORKER_TIMEOUT_S,
            "graceful_timeout": GRACEFUL_TIMEOUT_S,
            "keepalive": KEEPALIVE_S,
            "limit_request_line": REQUEST_LINE_BYTES_MAX,
            "control_socket_disable": True,
            "accesslog": None,
            "loglevel": "warning",
            "proc_name": "wxbackend-simulator",
            "worker_exit": self._stop,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the world in the worker, so that its threads live where requests are served."""
        self._world = self._make_world()
        self._world.start()
        app = create_app(self._world, Shop(self._shop) if self._shop else None)
        if self._tls_port is not None:
            directory = self._world.credentials.directory
            self._encrypted = EncryptedPort(app, self._host, self._tls_port, directory)
            self._encrypted.start()
        return app

    def _stop(self, _server: object, _worker: object) -> None:
        if self._encrypted is not None:
            self._encrypted.stop()
        if self._world is not None:
            self._world.stop()


if __name__ == "__main__":
    main()

"""The product as it runs in production, on a database of its own, with `bench.upstream` as the other side."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
import urllib3
from sqlalchemy import make_url

from bench.processes import MEASURED_CORES, OTHER_CORES, BenchError, cpu_s, kill, start, stop, wait_until_listening
from tests.support.stack import free_port
from wxbackend.development import Stack
from wxbackend.simulators.credentials import ensure
from wxbackend.store.migrate import migrate

WEB_THREADS: Final = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where a product of the bench lives: its folder, its ports, its database."""

    stack: Stack
    database_url: str

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded default."""
        return self.database_url.startswith("sqlite")

    @property
    def database(self) -> str:
        """The database's name for people."""
        return "SQLite" if self.is_sqlite else "PostgreSQL"

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement; values stand as `?`."""
        if self.is_sqlite:
            with closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=30)) as file, file:
                return file.execute(query, values).fetchall()
        with psycopg.connect(driver_url(self.database_url)) as server:
            cursor = server.execute(query.replace("?", "%s").encode(), values)
            return cursor.fetchall() if cursor.description else []


@dataclass(slots=True)
class Product:
    """The processes, and what they have spent."""

    place: Place
    extra_environment: dict[str, str] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=30.0))

    @property
    def web_port(self) -> int:
        """Where the API is."""
        return self.place.stack.web_port

    @property
    def upstream_port(self) -> int:
        """Where the other side is."""
        return self.place.stack.simulator_port

    @property
    def secret_key(self) -> str:
        """The merchant's key."""
        return self.place.stack.key("secret_key")

    def environment(self) -> dict[str, str]:
        """As in production: logs at INFO, metrics counted."""
        stack = self.place.stack
        metrics = stack.state / "metrics"
        metrics.mkdir(exist_ok=True)
        return (
            stack.environment()
            | {
                "WXBACKEND__SERVER__DATABASE_URL": self.place.database_url,
                "WXBACKEND_LOG_LEVEL": "INFO",
                "WXBACKEND_METRICS_DIR": str(metrics),
                "WXBACKEND_WEB_PROCESSES": "1",
                "WXBACKEND_WEB_THREADS": str(WEB_THREADS),
            }
            | self.extra_environment
        )

    def start(self, name: str) -> None:
        """Start `upstream`, `web` or `worker`."""
        stack = self.place.stack
        commands: dict[str, tuple[Sequence[str], frozenset[int], int | None]] = {
            "upstream": (
                [sys.executable, "-m", "bench.upstream", "--port", str(self.upstream_port)]
                + ["--credentials", str(stack.credentials)],
                OTHER_CORES,
                self.upstream_port,
            ),
            "web": (stack.commands()["web"], MEASURED_CORES, self.web_port),
            "worker": (stack.commands()["worker"], MEASURED_CORES, None),
        }
        command, cores, port = commands[name]
        log = stack.state / f"{name}.log"
        self._running[name] = start(command, cores=cores, log=log, environment=self.environment())
        if port is not None:
            wait_until_listening(self._running[name], port, log)
        if name == "web":
            self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        answer = self._http.request("GET", f"http://127.0.0.1:{self.web_port}/health/ready")
        if answer.status != 200:
            raise BenchError(f"the product is not ready: {answer.data.decode()}")

    def cpu_s(self, name: str) -> float:
        """Processor time that a process has spent."""
        return cpu_s(self._running[name].pid)

    def is_running(self, name: str) -> bool:
        """Whether it was started and has not ended."""
        return name in self._running and self._running[name].poll() is None

    def tell_upstream(self, **knobs: object) -> dict[str, Any]:
        """Turn the other side's knobs; what it has counted."""
        fields = {name: str(value) for name, value in knobs.items()}
        answer = self._http.request("GET", f"http://127.0.0.1:{self.upstream_port}/_tell", fields=fields)
        found: dict[str, Any] = answer.json()
        return found

    def kill(self, name: str) -> None:
        """Kill -9."""
        kill(self._running.pop(name))

    def stop(self, *names: str) -> None:
        """End the named ones, or all."""
        for name in names or tuple(self._running):
            stop(self._running.pop(name))


def driver_url(url: str) -> str:
    """A database's URL as psycopg and libpq read it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def settle_in(folder: Path, database_url: str | None = None) -> Place:
    """Keys, ports and a database with the present schema; SQLite below the folder unless another is named."""
    folder.mkdir(parents=True, exist_ok=True)
    stack = Stack(state=folder, web_port=free_port(), simulator_port=free_port())
    ensure(stack.credentials)
    stack.prepare()
    if database_url is not None:
        migrate(database_url)
    return Place(stack, database_url or f"sqlite:///{folder / 'wxbackend.db'}")


@contextmanager
def running(place: Place, *names: str, **extra_environment: str) -> Iterator[Product]:
    """The product at that place until the caller is done."""
    product = Product(place, dict(extra_environment))
    try:
        for name in names:
            product.start(name)
        yield product
    finally:
        product.stop()

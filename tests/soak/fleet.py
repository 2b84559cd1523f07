"""The processes of the soak: webs behind one address, workers, the simulator, PostgreSQL twice, Redis."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import urllib3
from psycopg.rows import dict_row

from tests.soak.balancer import Balancer
from tests.soak.plan import ENVIRONMENT, Plan
from tests.soak.tally import Tally
from tests.support import processes
from tests.support.postgresql_pair import PostgresqlPair, pair
from tests.support.redis import RedisServer, own_server
from tests.support.stack import QUICK, RunningStack, free_port
from wxbackend.development import ROOT, Stack
from wxbackend.simulators.credentials import ensure

DESK_TIMEOUT_S: Final = 60.0
PROGRAM: Final = (sys.executable, "-m", "wxbackend.cli")


class Fleet:
    """All that runs, by name: web-0, web-1, worker-0 …"""

    def __init__(self, plan: Plan, state: Path, servers: tuple[PostgresqlPair, RedisServer], tally: Tally) -> None:
        self.databases, self.redis = servers
        self.web_ports = [free_port() for _ in range(plan.web)]
        self.balancer = Balancer(self.web_ports)
        self._tally = tally
        self._lock = threading.Lock()
        self._down: set[str] = set()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        stack = Stack(state, self.balancer.port, free_port(), simulator_tls_port=free_port())
        self._environment = QUICK | ENVIRONMENT | {
            "WXBACKEND__SERVER__DATABASE_URL": self.databases.url,
            "WXBACKEND__SERVER__COORDINATION_URL": self.redis.url,
        }  # fmt: skip
        # A connection for each call: one that is kept may be closed by the other side just when it is used again.
        desk = urllib3.PoolManager(retries=False, timeout=DESK_TIMEOUT_S, headers={"Connection": "close"})
        self.stack = RunningStack(stack, self._environment, _http=desk)
        self._commands = {f"web-{number}": (*PROGRAM, "serve") for number in range(plan.web)}
        self._commands |= {f"worker-{number}": (*PROGRAM, "work") for number in range(plan.workers)}

    def names(self, kind: str) -> list[str]:
        """All webs, or all workers."""
        return [name for name in self._commands if name.startswith(kind)]

    def start(self) -> None:
        """Make keys and tables, start all, wait until the stack can take money."""
        stack = self.stack.stack
        ensure(stack.credentials)
        stack.prepare()
        environment = stack.environment() | self._environment
        subprocess.run([*PROGRAM, "migrate"], check=True, cwd=ROOT, env=environment, capture_output=True)
        self.balancer.start()
        self.stack.start("simulator")
        for name in self._commands:
            self.launch(name)
        stack.wait_until_ready()
        self.stack.wait_for(lambda: self.rows("SELECT serial FROM platform_certificates"), "WeChat's certificates")

    def launch(self, name: str) -> None:
        """Start a web or a worker; nobody waits until it is ready."""
        environment = self.stack.stack.environment() | self._environment
        kind, _, number = name.partition("-")
        if kind == "web":
            environment["WXBACKEND_BIND"] = f"127.0.0.1:{self.web_ports[int(number)]}"
        log = self.stack.stack.state / f"{name}.log"
        with self._lock:
            self._processes[name] = processes.launch(self._commands[name], log, cwd=ROOT, environment=environment)
            self._down.discard(name)

    def kill(self, name: str) -> None:
        """kill -9."""
        with self._lock:
            self._down.add(name)
            processes.kill(self._processes[name])

    def mend(self) -> None:
        """What a supervisor does: start again what ended by itself."""
        with self._lock:
            ended = [
                name for name, each in self._processes.items() if name not in self._down and each.poll() is not None
            ]
        for name in ended:
            self._tally.add("ended by themselves", name.partition("-")[0])
            self.launch(name)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What whoever is the primary holds."""
        with psycopg.connect(self.databases.address, row_factory=dict_row, connect_timeout=5) as connection:
            return connection.execute(query.encode()).fetchall()

    def stop(self) -> None:
        """End all processes that were started here."""
        processes.end(self._processes.values())
        self.stack.stop()
        self.balancer.stop()


@contextmanager
def fleet(plan: Plan, state: Path, tally: Tally) -> Iterator[Fleet]:
    """A running fleet. Raises when PostgreSQL or Redis is missing, naming what to install."""
    with pair() as databases, own_server() as redis:
        found = Fleet(plan, state, (databases, redis), tally)
        try:
            found.start()
            yield found
        finally:
            found.stop()

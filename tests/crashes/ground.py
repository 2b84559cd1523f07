"""Where the cases happen: a simulator and a nursery as processes; every case has a database and a world of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson
import urllib3
from sqlalchemy import create_engine, delete, text
from sqlalchemy.pool import NullPool

from tests.crashes.life import Ground
from tests.crashes.seams import DEADLY, HOWS, Fault
from tests.support.console import downloads
from tests.support.stack import QUICK, free_port
from wxbackend.assembly import assemble
from wxbackend.development import READY_AFTER_S_MAX, ROOT, Stack
from wxbackend.flows.fetch_certificates import fetch_certificates
from wxbackend.settings import load_settings
from wxbackend.store import tables

REHEARSED: Final = "refunded"
KILLED: Final = -9
CLOCK_MOVES_S_MAX: Final = 280
"""The merchant believes a webhook's signature for five minutes."""
Database = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A seam that a script crosses."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request with that key: the object's id, and every byte."""

    key: str
    id: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a life ended, what it crossed, what was answered to whom, and when."""

    status: int
    crossed: tuple[Crossing, ...]
    answers: tuple[Answer, ...]
    failure: str | None
    begun_ms: int
    now_ms: int


class Grounds:
    """The two processes; a case borrows them."""

    def __init__(self, stack: Stack, nursery: subprocess.Popen[bytes]) -> None:
        self.stack = stack
        self._nursery = nursery
        self._http = urllib3.PoolManager(retries=False, timeout=20.0)

    def new_world(self) -> None:
        """WeChat and the merchant's shop forget everything; notices and refunds wait until they are asked for."""
        for path, told in (
            ("/reset", {}),
            ("/shop/reset", {}),
            ("/mischief", {"notices": {"hold": {"times": None}}}),
            ("/refunds/rules", {"settle_after_s": None}),
        ):
            answer = self._http.request("POST", f"{self.stack.simulator_url}/_desk{path}", json=told)
            assert answer.status == 200, answer.data

    def live(self, url: str, script: str, fault: Fault | None, *, after: Ended | None = None) -> Ended:
        """One life of the product on a database; the second begins a second after the first one ended."""
        begun_ms = time.time_ns() // 1_000_000 if after is None else after.begun_ms
        now_ms = begun_ms if after is None else after.now_ms + 1000
        ground = Ground(url, self.stack.web_url, self.stack.simulator_url, self.stack.key("secret_key"))
        told = None if fault is None else {"at": fault.at, "how": fault.how.name}
        order = {
            "ground": asdict(ground),
            "script": script,
            "fault": told,
            "first": after is None,
            "now_ms": now_ms,
            "latest_ms": begun_ms + CLOCK_MOVES_S_MAX * 1000,
        }
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(orjson.dumps(order) + b"\n")
        self._nursery.stdin.flush()
        line = self._nursery.stdout.readline()
        assert line, (self.stack.state / "nursery.log").read_text()
        found = orjson.loads(line)
        entries: list[dict[str, Any]] = found["entries"]
        moments = [entry["now_ms"] for entry in entries if "now_ms" in entry]
        return Ended(
            status=found["status"],
            crossed=tuple(Crossing(entry["crossed"], entry["name"]) for entry in entries if "crossed" in entry),
            answers=tuple(Answer(entry["key"], entry["id"], entry["answer"]) for entry in entries if "key" in entry),
            failure=next((entry["failure"] for entry in entries if "failure" in entry), None),
            begun_ms=begun_ms,
            now_ms=moments[-1] if moments else now_ms,
        )


@contextmanager
def opened(state: Path) -> Iterator[Grounds]:
    """Start both processes; the database below `state` is the template of all SQLite databases."""
    state.mkdir(parents=True, exist_ok=True)
    stack = Stack(state, free_port(), free_port(), simulator_tls_port=free_port())
    downloads(stack.credentials)
    stack.prepare()
    environment = stack.environment() | QUICK | {"WXBACKEND__WORK__REFUND_SPACING_S": "61"}
    with (state / "simulator.log").open("ab") as log:
        simulator = subprocess.Popen(
            stack.commands()["simulator"], env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait(stack)
        believe_wechat(stack, f"sqlite:///{stack.state / 'wxbackend.db'}")
        command = [sys.executable, "-m", "tests.crashes.nursery", str(state / "nursery.log")]
        nursery = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            grounds = Grounds(stack, nursery)
            grounds.new_world()
            with sqlite_databases(stack.state / "wxbackend.db", stack.state)() as url:
                grounds.live(url, REHEARSED, None)
            yield grounds
        finally:
            assert nursery.stdin is not None
            assert nursery.stdout is not None
            nursery.stdin.close()
            nursery.wait()
            nursery.stdout.close()
    finally:
        simulator.terminate()
        simulator.wait()


def _wait(stack: Stack) -> None:
    deadline = time.monotonic() + READY_AFTER_S_MAX
    while True:
        try:
            urllib3.request("GET", f"{stack.simulator_url}/_desk/world", retries=False)
        except urllib3.exceptions.HTTPError:
            assert time.monotonic() < deadline, (stack.state / "simulator.log").read_text()
            time.sleep(0.05)
        else:
            return


def believe_wechat(stack: Stack, url: str) -> None:
    """Keep WeChat's certificates in a database, as the worker does when it starts."""
    settings = load_settings(environment=stack.environment())
    assembled = assemble(replace(settings, server=replace(settings.server, database_url=url)))
    try:
        for name, merchant, source in assembled.deps.providers.certificate_sources():
            assert fetch_certificates(assembled.deps, name, merchant, source)
    finally:
        assembled.close()


def sqlite_databases(template: Path, folder: Path) -> Database:
    """A copy of the template for each case."""

    @contextmanager
    def database() -> Iterator[str]:
        place = folder / "case"
        place.mkdir()
        shutil.copy(template, place / "wxbackend.db")
        try:
            yield f"sqlite:///{place / 'wxbackend.db'}"
        finally:
            shutil.rmtree(place)

    return database


def postgresql_databases(url: str) -> Database:
    """One database for all cases, emptied for each of all that a case can have written."""

    @contextmanager
    def database() -> Iterator[str]:
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            # Only thus, without triggers, can anybody take a row out of the ledger.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table in tables.metadata.tables.values():
                if table is not tables.platform_certificates:
                    connection.execute(delete(table))
        yield url

    return database


def faults_at(number: int, crossing: Crossing, *, deadly: bool) -> list[Fault]:
    """Everything that can go wrong at a crossing: a death, or an error that the process survives."""
    return [Fault(number, how) for how in HOWS[crossing.kind] if (how in DEADLY) is deadly]

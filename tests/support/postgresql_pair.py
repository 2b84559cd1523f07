"""A PostgreSQL primary with a synchronous standby, both durable: the primary may be killed, the standby takes over.

A commit is acknowledged when both have it on disk. The primary is given up for good only while
the standby is known to be synchronous, as every tool that promotes one must see to.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.support import processes
from tests.support.postgresql import NEEDED, USER, PostgresqlMissing, initialise, programs, rights_in, wait_ready
from tests.support.stack import free_port

NEEDED_PROGRAMS: Final = ("initdb", "postgres", "pg_basebackup", "pg_ctl")
STANDBY: Final = "twin"
DATABASE: Final = "wxbackend"
SETTINGS: Final = (
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "max_connections=250",
    "max_wal_senders=8",
    "wal_keep_size=1GB",
    "wal_retrieve_retry_interval=200ms",
    "shared_buffers=64MB",
    "log_min_messages=warning",
)
TAKE_OVER_WITHIN_S: Final = 60


class Server:
    """One server in a folder of its own."""

    def __init__(self, folder: Path, home: Path, rights: dict[str, Any]) -> None:
        self.home = home
        self.data = home / "data"
        self.port = free_port()
        self._folder = folder
        self._rights = rights
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """This server alone, whatever it is at present."""
        return f"host=127.0.0.1 port={self.port} user={USER} dbname=postgres connect_timeout=5"

    def make(self) -> None:
        """A new, empty cluster."""
        initialise(self._folder, self.home, self._rights)

    def copy(self, primary: Server) -> None:
        """Become a standby of the primary, with all that it has."""
        shutil.rmtree(self.data, ignore_errors=True)
        command = [
            str(self._folder / "pg_basebackup"), "--pgdata", str(self.data), "--write-recovery-conf",
            "--wal-method=stream", "--checkpoint=fast", "--dbname", f"{primary.address} application_name={STANDBY}",
        ]  # fmt: skip
        subprocess.run(command, check=True, cwd=self.home, capture_output=True, **self._rights)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        command = [
            str(self._folder / "postgres"), "-D", str(self.data), "-p", str(self.port), "-k", str(self.home),
            "-h", "127.0.0.1", *(part for setting in SETTINGS for part in ("-c", setting)),
        ]  # fmt: skip
        log = self.home / "log"
        self._process = processes.launch(command, log, cwd=self.home, **self._rights)
        wait_ready(f"postgresql://{USER}@127.0.0.1:{self.port}/postgres", self._process, log)

    def kill(self) -> None:
        """kill -9 the postmaster and every process that it has started; waits until all are gone."""
        process, self._process = self._process, None
        if process is None:
            return
        children = _children(process.pid)
        process.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.wait()
        while any(_alive(child) for child in children):
            time.sleep(0.01)

    def promote(self) -> None:
        """A standby becomes a primary; returns when it is one."""
        command = [str(self._folder / "pg_ctl"), "promote", "-D", str(self.data), "-w", "-t", str(TAKE_OVER_WITHIN_S)]
        subprocess.run(command, check=True, cwd=self.home, capture_output=True, **self._rights)
        assert not self.ask("SELECT pg_is_in_recovery()")[0][0]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """One query or command on this very server."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


class PostgresqlPair:
    """Two servers at two fixed addresses; one of them is the primary."""

    def __init__(self, folder: Path, home: Path, rights: dict[str, Any]) -> None:
        homes = [home / name for name in ("left", "right")]
        for each in homes:
            each.mkdir()
            if rights:
                os.chown(each, rights["user"], rights["group"])
        self.primary, self.standby = (Server(folder, each, rights) for each in homes)
        self._both = (self.primary, self.standby)

    @property
    def url(self) -> str:
        """Both, as SQLAlchemy spells it: whoever takes writes is connected to."""
        hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in self._both)
        return f"postgresql+psycopg://{USER}@/{DATABASE}?{hosts}&target_session_attrs=read-write&connect_timeout=5"

    @property
    def address(self) -> str:
        """Both, as libpq spells it."""
        hosts, ports = ",".join("127.0.0.1" for _ in self._both), ",".join(str(each.port) for each in self._both)
        return f"host={hosts} port={ports} user={USER} dbname={DATABASE} target_session_attrs=read-write"

    def start(self) -> None:
        """A new primary with an empty database, and its synchronous standby."""
        self.primary.make()
        self.primary.start()
        self.primary.ask(f"CREATE DATABASE {DATABASE}")
        self.join()

    def restart(self, *, down_s: float) -> None:
        """kill -9 the primary; after a while it starts again and recovers."""
        self.primary.kill()
        time.sleep(down_s)
        self.primary.start()
        self.wait_synchronous()

    def fail_over(self) -> None:
        """kill -9 the primary for good; the synchronous standby is promoted and goes on alone."""
        self.wait_synchronous()
        self.primary.kill()
        self.take_over()

    def take_over(self) -> None:
        """The primary was killed while the standby was synchronous: it is promoted, and waits for no other."""
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        self._require_standby("")

    def join(self) -> None:
        """A fresh standby copies the primary, follows it, and from then on every commit waits for both."""
        self.standby.copy(self.primary)
        self.standby.start()
        self._require_standby(STANDBY)
        self.wait_synchronous()

    def stop(self) -> None:
        """End both; nothing of them is needed any more."""
        for server in self._both:
            server.kill()

    def wait_synchronous(self) -> None:
        """Wait until the standby has what was committed, and every further commit waits for it."""
        deadline = time.monotonic() + TAKE_OVER_WITHIN_S
        query = f"SELECT state, sync_state FROM pg_stat_replication WHERE application_name = '{STANDBY}'"
        while self.primary.ask(query) != [("streaming", "sync")]:
            assert time.monotonic() < deadline, "the standby does not follow the primary"
            time.sleep(0.05)

    def _require_standby(self, name: str) -> None:
        self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        self.primary.ask("SELECT pg_reload_conf()")


@contextmanager
def pair() -> Iterator[PostgresqlPair]:
    """A running pair. Raises `PostgresqlMissing`, naming the program that is not there."""
    folder = programs()
    if folder is None:
        raise PostgresqlMissing(NEEDED)
    missing = [name for name in NEEDED_PROGRAMS if not (folder / name).exists()]
    if missing:
        raise PostgresqlMissing(f"{folder} has no {', '.join(missing)}: install PostgreSQL's server programs")
    home = Path(tempfile.mkdtemp(prefix="wxbackend-pair-"))
    home.chmod(0o755)
    found = PostgresqlPair(folder, home, rights_in(home))
    try:
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(home, ignore_errors=True)


def _children(parent: int) -> list[int]:
    """PostgreSQL gives each of its processes a session of its own, so a group does not hold them all."""
    return [pid for pid, _, of in _processes() if of == parent]


def _alive(pid: int) -> bool:
    return any(found == pid and state != "Z" for found, state, _ in _processes())


def _processes() -> Iterator[tuple[int, str, int]]:
    """Number, state and parent of each process of this machine."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = file.read_text().rpartition(")")[2].split()[:2]
            yield int(file.parent.name), state, int(parent)

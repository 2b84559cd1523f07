"""The floors: processor seconds of one of each of the things that nobody can do without, on the measured core."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import urllib3
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from bench import messages
from bench.load import Load
from bench.processes import MEASURED_CORES, ROOT, cpu_s, pinned, start, stop, wait_until_listening
from bench.product import Place, Product, driver_url
from tests.support.stack import free_port

MESSAGE: Final = b"POST\n/v3/pay/transactions/jsapi\n1795000000\n" + b"n" * 32 + b"\n" + b"x" * 400 + b"\n"
SIGNATURES: Final = 300
VERIFICATIONS: Final = 2000
POSTS: Final = 500
COMMITS: Final = 1000
BARE_REQUESTS: Final = 2500
_TABLE: Final = "CREATE TABLE IF NOT EXISTS bench_floor (id {} PRIMARY KEY, account TEXT, amount BIGINT, body TEXT)"
_ROW_TEXT: Final = "x" * 300


@dataclass(frozen=True, slots=True)
class Floors:
    """Processor seconds of one of each, in one round."""

    sign: float
    verify: float
    post_out: float
    commit: float
    bare_post: float
    bare_get: float


@contextmanager
def bare_web(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The bare application under the product's gunicorn settings."""
    port, log = free_port(), folder / "bare.log"
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py", "--chdir", str(ROOT)]
    process = start(
        [*command, "--bind", f"127.0.0.1:{port}", "bench.bare_app:app"], cores=MEASURED_CORES, log=log
    )
    try:
        wait_until_listening(process, port, log)
        yield process, port
    finally:
        stop(process)


@dataclass(frozen=True, slots=True)
class FloorBench:
    """What the floors are measured with."""

    load: Load
    bare: subprocess.Popen[bytes]
    bare_port: int
    key: RSAPrivateKey
    requests: int = BARE_REQUESTS

    def measure(self, product: Product) -> Floors:
        """One round, beside a product whose other side is running."""
        signature = self.key.sign(MESSAGE, PKCS1v15(), SHA256())
        public = self.key.public_key()
        with pinned(MEASURED_CORES):
            return Floors(
                sign=spent(lambda _: self.key.sign(MESSAGE, PKCS1v15(), SHA256()), SIGNATURES),
                verify=spent(lambda _: public.verify(signature, MESSAGE, PKCS1v15(), SHA256()), VERIFICATIONS),
                post_out=post_out(product.upstream_port),
                commit=commit(product.place),
                bare_post=self._served(messages.bare_posts(self.requests)),
                bare_get=self._served(messages.bare_gets(self.requests)),
            )

    def _served(self, requests: list[bytes]) -> float:
        before = cpu_s(self.bare.pid)
        self.load.drive(self.bare_port, requests)
        return (cpu_s(self.bare.pid) - before) / len(requests)


def spent(act: Callable[[int], object], times: int) -> float:
    """Processor seconds of this thread for each call."""
    for warm in range(-max(1, times // 20), 0):
        act(warm)
    before = time.thread_time()
    for number in range(times):
        act(number)
    return (time.thread_time() - before) / times


def post_out(port: int) -> float:
    """U."""
    with urllib3.PoolManager(retries=False, timeout=10.0) as pool:
        url, headers = f"http://127.0.0.1:{port}/ready", {"Content-Type": "application/json"}
        return spent(lambda _: pool.request("POST", url, body=MESSAGE, headers=headers).data, POSTS)


def commit(place: Place) -> float:
    """C, on the database of the product itself."""
    return _sqlite_commit(place) if place.is_sqlite else _postgresql_commit(place)


def _sqlite_commit(place: Place) -> float:
    file = Path(place.database_url.removeprefix("sqlite:///")).with_name("floor.db")
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(_TABLE.format("INTEGER"))
    began = time.time_ns()
    insert = "INSERT INTO bench_floor VALUES (?, ?, ?, ?)"
    try:
        return spent(lambda n: connection.execute(insert, (began + n, "acct_demo", 2000, _ROW_TEXT)), COMMITS)
    finally:
        connection.close()


def _postgresql_commit(place: Place) -> float:
    with psycopg.connect(driver_url(place.database_url), autocommit=True, prepare_threshold=0) as connection:
        connection.execute(_TABLE.format("BIGINT").encode())
        began = time.time_ns()
        insert = b"INSERT INTO bench_floor VALUES (%s, %s, %s, %s)"
        return spent(lambda n: connection.execute(insert, (began + n, "acct_demo", 2000, _ROW_TEXT)), COMMITS)

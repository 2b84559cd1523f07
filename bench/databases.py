"""A PostgreSQL that is as durable as a merchant's, with a database for each product that is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import psycopg
from sqlalchemy import make_url

from bench.processes import OTHER_CORES, pinned
from tests.support import postgresql

DURABLE: Final = ("shared_buffers=1GB", "max_wal_size=4GB", "max_connections=120")
COMPRESSION: Final = "lz4"


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server of the bench's own, on the cores that are not measured."""
    with ExitStack() as open_things:
        with pinned(OTHER_CORES):
            url = open_things.enter_context(postgresql.own_server(DURABLE))
        yield url


def compress_wal(server_url: str) -> bool:
    """Let full-page images be compressed; False when the server was built without lz4."""
    plain = make_url(server_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        try:
            connection.execute(f"ALTER SYSTEM SET wal_compression = {COMPRESSION}".encode())
        except psycopg.errors.InvalidParameterValue:
            return False
        connection.execute("SELECT pg_reload_conf()")
    return True


database = postgresql.database

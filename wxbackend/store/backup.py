"""A copy of a SQLite database that is in use: SQLite's own online back-up, in one step, checked before it counts."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from wxbackend.domain.errors import WxbackendError
from wxbackend.store.engines import SQLITE_BUSY_TIMEOUT_S, is_sqlite

PRIVATE_MODE: Final = 0o600


class BackUpRefused(WxbackendError):
    """No back-up was made; the message says why and what to do."""


def back_up(url: str, target: Path) -> int:
    """Copy the database that `url` names to a new file; its size in bytes. Raises `BackUpRefused`.

    The copy is one moment's view: payments go on meanwhile and are in it wholly or not at all. All pages
    are copied in one step, since SQLite begins again whenever another process writes between two steps.
    """
    if not is_sqlite(url):
        raise BackUpRefused("This makes copies of SQLite only. For PostgreSQL use pg_dump or base back-ups with WAL.")
    source = Path(make_url(url).database or "")
    if not source.is_file():
        raise BackUpRefused(f"There is no database at {source}.")
    if target.exists():
        raise BackUpRefused(f"{target} exists already; a back-up never overwrites a file.")
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.touch(mode=PRIVATE_MODE, exist_ok=False)
        _copy(source, partial)
        _make_durable(partial)
        os.link(partial, target)  # unlike a rename it never replaces what came there meanwhile
    except FileExistsError as error:
        raise BackUpRefused(f"{target} exists already; a back-up never overwrites a file.") from error
    except (OSError, sqlite3.Error) as error:
        raise BackUpRefused(f"The back-up failed: {error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    _make_durable(target.parent)
    return target.stat().st_size


def _copy(source: Path, target: Path) -> None:
    address = f"{source.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=SQLITE_BUSY_TIMEOUT_S)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without companions
        (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise BackUpRefused(f"The copy is damaged: {verdict}. Is the disk of the database all right?")


def _make_durable(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

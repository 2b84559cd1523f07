"""A cursor on PostgreSQL that calls libpq itself, through psycopg's connection.

psycopg's own cursor looks at each statement anew: which types its values have, whether it was run before,
how to name its columns. All that is known here before, and it cost more than the rest of a unit.
Values are text, whole numbers, truth, bytes and None; every statement is prepared at its first use.
In a pipeline statements are sent without waiting, until a row is asked for or the pipeline ends.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

STATEMENTS_KEPT_MAX: Final = 1_000
"""More than these are prepared anew at every use; the product has some two hundred."""
TEXT: Final = 0
BINARY: Final = 1
_WENT_WELL: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.PIPELINE_SYNC})
_ENCODING: Final = "utf-8"
_TOLD: Final[dict[type, Callable[[Any], bytes | None]]] = {
    str: str.encode,
    int: lambda value: b"%d" % value,
    bool: lambda value: b"t" if value else b"f",
    bytes: lambda value: value,
    type(None): lambda _: None,
}
_AS: Final = {str: BINARY, int: TEXT, bool: TEXT, bytes: BINARY, type(None): TEXT}


class PostgresqlCursor:
    """As much of a driver's cursor as a link needs, for one connection that nobody else uses meanwhile.

    After an error the connection must not be used again: it may lack statements that were skipped.
    """

    __slots__ = (
        "_awaited",
        "_failed",
        "_heard",
        "_names",
        "_owed",
        "_pg",
        "_pipelined",
        "_result",
        "_rows",
        "_socket",
    )

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._pg: PGconn = driver.pgconn
        if self._pg.parameter_status(b"client_encoding") != b"UTF8":
            self._proven(self._pg.exec_(b"SET client_encoding TO 'UTF8'"))
        self._rows = Transformer(driver)
        self._names: dict[str, bytes] = {}
        self._socket = select.poll()
        self._socket.register(self._pg.socket, select.POLLIN)
        self._pipelined = False
        self._owed = 0
        self._heard = 0
        self._awaited: dict[int, PGresult | None] = {}
        self._failed: psycopg.Error | None = None
        self._result: PGresult | None = None

    def execute(self, text: str, values: Sequence[Any] = ()) -> PostgresqlCursor:
        """Run a statement; in a pipeline only send it. Raises psycopg's errors, in a pipeline later."""
        name = self._names.get(text)
        told, formats = _as_libpq_wants(values)
        pg = self._pg
        if self._pipelined:
            if name is None:
                name = self._name(text)
                pg.send_prepare(name, text.encode())
                self._owed += 1
            pg.send_query_prepared(name, told, formats, BINARY)
            self._owed += 1
            return self
        if name is None:
            name = self._name(text)
            self._proven(pg.prepare(name, text.encode()))
        self._result = self._proven(pg.exec_prepared(name, told, formats, BINARY))
        return self

    def ask(self, text: str, values: Sequence[Any]) -> int:
        """Send a statement whose answer is read later; the number to `recall` it by. In a pipeline only."""
        self.execute(text, values)
        number = self._heard + self._owed
        self._awaited[number] = None
        return number

    def recall(self, number: int) -> PostgresqlCursor:
        """Let the answer to what was asked before be the one to fetch."""
        if self._awaited[number] is None:
            self._answer()
        self._result = self._awaited.pop(number)
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row of the last statement's answer."""
        result = self._answer()
        if not result.ntuples:
            return None
        self._rows.set_pgresult(result)
        row: tuple[Any, ...] | None = self._rows.load_row(0, tuple)
        return row

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows of the last statement's answer."""
        result = self._answer()
        self._rows.set_pgresult(result)
        rows: list[tuple[Any, ...]] = self._rows.load_rows(0, result.ntuples, tuple)
        return rows

    @property
    def statusmessage(self) -> str:
        """What PostgreSQL says it did last."""
        return ((self._result and self._result.command_status) or b"").decode()

    def begin_pipeline(self) -> None:
        """From now on do not wait for answers."""
        self._awaited.clear()
        self._pg.enter_pipeline_mode()
        self._pipelined = True

    def end_pipeline(self) -> None:
        """Wait for all answers. Raises the first error among them."""
        if not self._pipelined:
            return
        self._pipelined = False
        self._pg.pipeline_sync()
        self._hear()
        last, self._owed = self._result, 1  # the end itself is answered too
        self._hear()
        self._result = last
        self._pg.exit_pipeline_mode()
        self._raise_what_failed()

    def _name(self, text: str) -> bytes:
        """The name to prepare it under; those beyond the limit share the one that the next of them takes over."""
        if len(self._names) >= STATEMENTS_KEPT_MAX:
            return b""
        name = self._names[text] = b"wxbackend_%d" % len(self._names)
        return name

    def _answer(self) -> PGresult:
        if self._owed:
            self._pg.send_flush_request()
            self._hear()
            self._raise_what_failed()
        assert self._result is not None, "a statement was run"
        return self._result

    def _hear(self) -> None:
        """Wait for the answers that are owed. The first that tells of an error is kept, the last is the result."""
        pg = self._pg
        if pg.flush():
            self._send_the_rest()
        ended = False
        while self._owed:
            while pg.is_busy():
                self._socket.poll()
                pg.consume_input()
            result = pg.get_result()
            if result is None:  # the end of one statement's answer
                if ended or pg.status == ConnStatus.BAD:
                    self._owed = 0
                    raise psycopg.OperationalError("the connection ended before all statements were answered")
                ended = True
                continue
            ended = False
            self._owed -= 1
            self._heard += 1
            self._result = result
            if self._heard in self._awaited:
                self._awaited[self._heard] = result
            if result.status not in _WENT_WELL and self._failed is None:
                self._failed = self._error(result)

    def _send_the_rest(self) -> None:
        """The socket took not all at once; meanwhile the other side may have to get rid of answers."""
        pg, both = self._pg, select.poll()
        both.register(pg.socket, select.POLLIN | select.POLLOUT)
        while pg.flush():
            both.poll()
            pg.consume_input()

    def _proven(self, result: PGresult) -> PGresult:
        if result.status not in _WENT_WELL:
            raise self._error(result)
        return result

    def _error(self, result: PGresult) -> psycopg.Error:
        if self._pg.status == ConnStatus.BAD:
            return psycopg.OperationalError(result.get_error_message(_ENCODING))
        return error_from_result(result, encoding=_ENCODING)

    def _raise_what_failed(self) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed


def _as_libpq_wants(values: Sequence[Any]) -> tuple[Any, list[int] | None]:
    """Numbers as text, whose width PostgreSQL chooses; text as bytes, which it checks."""
    if not values:
        return None, None
    kinds = [type(value) for value in values]
    try:
        return [_TOLD[kind](value) for kind, value in zip(kinds, values, strict=True)], [_AS[kind] for kind in kinds]
    except KeyError as error:
        raise TypeError(f"a statement's value is {error}, not text, a whole number, truth or bytes") from None

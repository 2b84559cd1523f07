"""While the database is away or has no connection free, callers are told so, WeChat sends again, and workers wait."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool
from structlog.testing import capture_logs

from tests.support.console import downloads
from tests.support.stack import MCHID, free_port
from wxbackend import assembly
from wxbackend.domain.errors import DatabaseAway
from wxbackend.ports.store import Work
from wxbackend.settings import load_settings
from wxbackend.store.nodes import Identifiers, NodeLease
from wxbackend.store.reachable import Reachable, away_told_apart
from wxbackend.store.unit import PostgresqlStore
from wxbackend.surroundings import RealSurroundings, clock_ms
from wxbackend.work.failing import failed
from wxbackend.work.patience import PAUSES_S, Patience, Recovery

SECRET_KEY: Final = "sk_test_" + "0a" * 24
DEVELOPMENT: Final = Path(__file__).resolve().parents[2] / "config" / "development.toml"
LONG_S: Final = 300.0


def nobody_there() -> str:
    """The URL of a PostgreSQL that does not run."""
    return f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"


class Leased(NodeLease):
    """A node number from when the database was there."""

    def __init__(self) -> None:
        """Without a database."""

    def node(self, now_ms: int) -> int:
        """The number."""
        return 1


@pytest.fixture
def assembled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[assembly.Assembled]:
    """A process whose database went away."""
    state = tmp_path / "state"
    downloads(state / "wechat")
    (state / "keys").mkdir()
    keys = {"secret_key": SECRET_KEY, "publishable_key": "pk_test_" + "0b" * 24, "webhook_secret": "whsec_" + "0c" * 24}
    for name, value in keys.items():
        (state / "keys" / f"{name}.txt").write_text(f"{value}\n")
    settings_file = tmp_path / "settings.toml"
    settings_file.write_text(DEVELOPMENT.read_text())
    monkeypatch.setenv("WXBACKEND_STATE_DIR", str(state))
    monkeypatch.setenv("WXBACKEND__SERVER__DATABASE_URL", nobody_there())
    made = assembly.assemble(load_settings(settings_file))
    surroundings = RealSurroundings(Identifiers(Leased(), clock_ms))
    yield replace(made, deps=replace(made.deps, surroundings=surroundings))
    made.close()


@pytest.fixture
def client(assembled: assembly.Assembled) -> FlaskClient:
    return assembly.web_application(assembled).test_client()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/payment_intents/pi_1666625039547498496"), ("POST", "/v1/payment_intents")]
)
def test_a_caller_is_told_that_nobody_knows_and_to_send_the_same_again(
    client: FlaskClient, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Idempotency-Key": "k1"}
    body: dict[str, Any] = {} if method == "GET" else {"json": {"amount": 2000, "currency": "CNY"}}
    answer = client.open(path, method=method, headers=headers, **body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    error = answer.get_json()["error"]
    assert (error["type"], error["code"]) == ("api_error", "database_unavailable")
    assert "same Idempotency-Key" in error["message"]


def test_wechat_is_told_no_so_that_its_notice_comes_again(client: FlaskClient) -> None:
    """The key that signed it has to be looked up in the database."""
    headers = {
        "Wechatpay-Timestamp": str(clock_ms() // 1000),
        "Wechatpay-Nonce": "n",
        "Wechatpay-Signature": "c2ln",
        "Wechatpay-Serial": "0A0B",
    }
    with capture_logs() as lines:
        answer = client.post(f"/notices/wechat_v3/{MCHID}", headers=headers, data=b"{}")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "FAIL")
    told = [line for line in lines if line["event"] == "notice_not_stored"]
    assert len(told) == 1
    assert "exc_info" not in told[0]


def test_work_that_a_missing_database_cut_off_is_no_failure_of_its_own(assembled: assembly.Assembled) -> None:
    with capture_logs() as lines:
        failed(assembled.deps, Work.DELIVERY, 7, DatabaseAway("gone"), tries=0)
    assert [(line["event"], line["reason"]) for line in lines] == [("work_interrupted", "gone")]


def _pool(**told: Any) -> Engine:
    return create_engine("sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01, **told)


def _no_connection_free() -> None:
    engine = _pool()
    with engine.connect():
        try:
            engine.connect()
        finally:
            engine.dispose()


def _not_running() -> None:
    store = PostgresqlStore(nobody_there())
    try:
        store.look(lambda unit: unit.intents.find(1))
    finally:
        store.close()


def _cannot_be_opened() -> None:
    create_engine("sqlite:////nowhere/at/all.db").connect()


def _says(error: psycopg.Error, *, gone: bool = False) -> None:
    raise DBAPIError("SELECT 1", None, error, connection_invalidated=gone)


AWAY: Final[dict[str, Callable[[], None]]] = {
    "no connection is free": _no_connection_free,
    "nobody listens": _not_running,
    "the file cannot be opened": _cannot_be_opened,
    "the connection broke": lambda: _says(psycopg.InterfaceError(), gone=True),
    "it starts": lambda: _says(psycopg.errors.CannotConnectNow()),
    "it stops": lambda: _says(psycopg.errors.AdminShutdown()),
    "too many clients": lambda: _says(psycopg.errors.TooManyConnections()),
    "its disk is full": lambda: _says(psycopg.errors.DiskFull()),
}


@pytest.mark.parametrize("happens", AWAY.values(), ids=AWAY.keys())
def test_what_says_that_the_database_is_away_is_told_as_that(happens: Callable[[], None]) -> None:
    with pytest.raises(DatabaseAway), away_told_apart():
        happens()


def test_a_busy_sqlite_file_counts_as_away(tmp_path: Path) -> None:
    path = tmp_path / "busy.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    with pytest.raises(DatabaseAway), away_told_apart(), engine.connect() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    engine.dispose()
    holder.close()


def test_a_defect_of_ours_is_never_taken_for_a_database_that_is_away() -> None:
    errors = psycopg.errors
    for mistake in (
        errors.UniqueViolation(),
        errors.PipelineAborted(),
        errors.UndefinedTable(),
        errors.QueryCanceled(),
    ):
        with pytest.raises(DBAPIError), away_told_apart():
            _says(mistake)
    engine = _pool()
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER UNIQUE)"))
        with pytest.raises(IntegrityError), away_told_apart():
            connection.execute(text("INSERT INTO t VALUES (1), (1)"))
    engine.dispose()


class Noted(Recovery):
    """Writes down how long it is to wait, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, at_most_s: float) -> None:
        """Not at all."""
        self.waited.append(at_most_s)


def test_pauses_grow_to_fifteen_seconds_and_begin_anew_after_a_success() -> None:
    noted = Noted()
    patience = Patience(noted)
    for _ in range(7):
        patience.rest()
    patience.went_well()
    patience.rest()
    assert noted.waited == [*PAUSES_S, PAUSES_S[-1], PAUSES_S[-1], PAUSES_S[0]]
    assert (PAUSES_S[0], PAUSES_S[-1]) == (1.0, 15.0)


@pytest.mark.parametrize("how", ["another loop found it back", "the worker stops"])
def test_nobody_sleeps_on_when_it_is_back_or_the_worker_stops(how: str) -> None:
    recovery, waiting, woken = Recovery(), threading.Event(), threading.Event()

    def sleep() -> None:
        waiting.set()
        recovery.wait(LONG_S)
        woken.set()

    threading.Thread(target=sleep, daemon=True).start()
    assert waiting.wait(30)
    assert not woken.wait(0.1)
    if how == "the worker stops":
        recovery.end()
    else:
        other = Patience(recovery)
        other._failures = 1
        other.went_well()
    assert woken.wait(30)


def test_one_store_wrapped_is_still_a_store(tmp_path: Path) -> None:
    store = Reachable(PostgresqlStore(nobody_there()))
    for run in (store.write, store.read, store.look):
        with pytest.raises(DatabaseAway):
            run(lambda unit: unit.intents.find(1))
    with pytest.raises(DatabaseAway):
        store.pending_revision()
    store.close()

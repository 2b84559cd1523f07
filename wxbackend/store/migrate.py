"""Brings a database to the present schema."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from wxbackend.store.engines import is_sqlite, reading_engine, sqlite_writing_engine
from wxbackend.store.schema import SCRIPTS, missing_revision


def migrate(url: str) -> str:
    """Apply what is missing; the revision that the database is at afterwards."""
    engine = sqlite_writing_engine(url) if is_sqlite(url) else reading_engine(url)
    configuration = Config()
    configuration.set_main_option("script_location", str(SCRIPTS))
    try:
        with engine.begin() as connection:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        engine.dispose()


def pending_revision(url: str) -> str | None:
    """The revision that the database lacks, or None when it is up to date."""
    engine = reading_engine(url)
    try:
        with engine.begin() as connection:
            return missing_revision(connection)
    finally:
        engine.dispose()

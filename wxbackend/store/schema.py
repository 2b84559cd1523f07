"""Whether a database has the schema that this program needs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

SCRIPTS: Final = Path(__file__).parent / "migrations"


def missing_revision(connection: Connection) -> str | None:
    """The revision that the database lacks, or None.

    A revision that we do not know was made by a newer program, which is being rolled out: schemas only
    grow while programs of both ages run, so it serves us too.
    """
    wanted, known = _revisions()
    present = MigrationContext.configure(connection).get_current_revision()
    return wanted if present is None or (present in known and present != wanted) else None


@lru_cache(maxsize=1)
def _revisions() -> tuple[str, frozenset[str]]:
    configuration = Config()
    configuration.set_main_option("script_location", str(SCRIPTS))
    scripts = ScriptDirectory.from_config(configuration)
    return scripts.get_current_head() or "", frozenset(script.revision for script in scripts.walk_revisions())

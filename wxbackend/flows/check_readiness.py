"""Whether this process can take payments: what it needs answers, and the schema is the one that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from wxbackend.flows.dependencies import Dependencies

OK: Final = "ok"
AWAY: Final = "away"
BEHIND: Final = "behind"
UNKNOWN: Final = "unknown"
PROBE_KEY: Final = "readiness"


@dataclass(frozen=True, slots=True)
class Readiness:
    """One word for each thing that is needed."""

    database: str
    migrations: str
    coordination: str

    @property
    def ready(self) -> bool:
        """Money needs the database and its schema.

        Without coordination only new log-ins fail, and a load balancer that took every process
        away for that would stop the payments too: it is told, and it does not count.
        """
        return self.database == OK and self.migrations == OK


def check_readiness(deps: Dependencies) -> Readiness:
    """Ask each of them once."""
    return Readiness(*_database(deps), _coordination(deps))


def _database(deps: Dependencies) -> tuple[str, str]:
    try:
        pending = deps.store.pending_revision()
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, it does not answer
        structlog.get_logger("api").error("database_away", reason=type(error).__name__)
        return AWAY, UNKNOWN
    return OK, OK if pending is None else BEHIND


def _coordination(deps: Dependencies) -> str:
    try:
        deps.coordination.get(PROBE_KEY)
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, it does not answer
        structlog.get_logger("api").error("coordination_away", reason=type(error).__name__)
        return AWAY
    return OK

"""What a worker does with an item that failed by an error of ours: say so, write it down, and go on with the others."""

from __future__ import annotations

from typing import Any

import structlog

from wxbackend.domain.errors import DatabaseAway
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.park_failure import note_failure
from wxbackend.ports.store import Work


def failed(deps: Dependencies, work: Work, item: int, error: Exception, *, tries: int) -> None:
    """Plan its next try. If not even that can be written, the lease brings it back.

    A database that is away is no failure of the item, and nothing can be written down: its lease brings it back.
    """
    log = structlog.get_logger("worker")
    if isinstance(error, DatabaseAway):
        log.error("work_interrupted", work=work.value, item=item, **told(error))
        return
    log.error("work_failed", work=work.value, item=item, **told(error))
    try:
        note_failure(deps, work, item, error, tries=tries)
    except DatabaseAway as away:
        log.warning("failure_not_noted", work=work.value, item=item, reason=away.reason)
    except Exception:
        log.exception("failure_not_noted", work=work.value, item=item)


def told(error: Exception) -> dict[str, Any]:
    """What a line of the log says of it. A database that is away fails everything at once, so it needs no trace."""
    return {"reason": error.reason} if isinstance(error, DatabaseAway) else {"exc_info": error}

"""What a worker does with an item that failed by an error of ours: say so, write it down, and go on with the others."""

from __future__ import annotations

import structlog

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.park_failure import note_failure
from wxbackend.ports.store import Work


def failed(deps: Dependencies, work: Work, item: int, error: Exception, *, tries: int) -> None:
    """Plan its next try. If not even that can be written, the lease brings it back."""
    log = structlog.get_logger("worker")
    log.error("work_failed", work=work.value, item=item, exc_info=error)
    try:
        note_failure(deps, work, item, error, tries=tries)
    except Exception:
        log.exception("failure_not_noted", work=work.value, item=item)

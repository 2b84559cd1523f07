"""Fetches WeChat's platform certificates at the start and on a schedule; sooner after a failure, and when wished."""

from __future__ import annotations

from typing import Final

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.fetch_certificates import fetch_certificates, take_wish

AGAIN_AFTER_FAILURE_S: Final = 60


class Schedule:
    """When each merchant's certificates are fetched next."""

    def __init__(self, *, every_s: int) -> None:
        self._every_ms = every_s * 1000
        self._due_ms: dict[tuple[str, str], int] = {}

    def tick(self, deps: Dependencies) -> int:
        """Always 0: nothing waits behind it."""
        for name, merchant, source in deps.providers.certificate_sources():
            now_ms = deps.surroundings.now_ms()
            due = now_ms >= self._due_ms.get((name, merchant), 0)
            if not (due or take_wish(deps.coordination, name, merchant)):
                continue
            fetched = fetch_certificates(deps, name, merchant, source)
            pause_ms = self._every_ms if fetched else AGAIN_AFTER_FAILURE_S * 1000
            self._due_ms[name, merchant] = now_ms + pause_ms
        return 0

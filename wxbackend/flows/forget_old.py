"""Drop what is only kept for a time: idempotency keys, tries of deliveries, and login sessions after their end."""

from __future__ import annotations

from typing import Final

from wxbackend.domain import ids
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Unit

IDEMPOTENCY_KEPT_MS: Final = 172_800_000
TRIES_KEPT_MS: Final = 30 * 86_400_000
PUSHES_KEPT_MS: Final = 30 * 86_400_000
FAILURES_KEPT_MS: Final = 30 * 86_400_000


def forget_old(deps: Dependencies) -> None:
    """Drop them."""
    now_ms = deps.surroundings.now_ms()

    def work(unit: Unit) -> None:
        unit.idempotency.forget(begun_before_ms=now_ms - IDEMPOTENCY_KEPT_MS)
        unit.failures.forget(last_before_ms=now_ms - FAILURES_KEPT_MS)
        unit.pushes.forget(received_before_ms=now_ms - PUSHES_KEPT_MS)
        unit.logins.forget(expired_before_ms=now_ms)
        unit.deliveries.forget_tries(before_id=ids.compose(now_ms - TRIES_KEPT_MS, node=0, sequence=0))

    deps.store.write(work)

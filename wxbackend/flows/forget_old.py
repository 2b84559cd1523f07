"""Drop what is only kept for a time: idempotency keys after two days, login sessions after their end."""

from __future__ import annotations

from typing import Final

from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Unit

IDEMPOTENCY_KEPT_MS: Final = 172_800_000


def forget_old(deps: Dependencies) -> None:
    """Drop them."""
    now_ms = deps.surroundings.now_ms()

    def work(unit: Unit) -> None:
        unit.idempotency.forget(begun_before_ms=now_ms - IDEMPOTENCY_KEPT_MS)
        unit.logins.forget(expired_before_ms=now_ms)

    deps.store.write(work)

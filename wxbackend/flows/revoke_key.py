"""Take an API key back; every process refuses it within five seconds."""

from __future__ import annotations

from wxbackend.domain import ids
from wxbackend.domain.errors import Conflict
from wxbackend.flows.dependencies import Dependencies


def revoke_key(deps: Dependencies, key_id: str) -> None:
    """Revoke the key with this identifier; raises `NotFound` and, when it was revoked before, `Conflict`."""
    number = ids.parse(ids.API_KEY, key_id)
    now_ms = deps.surroundings.now_ms()
    if not deps.store.write(lambda unit: unit.api_keys.revoke(number, now_ms=now_ms)):
        raise Conflict(f"There is no valid key {key_id}: see `wxbackend keys list`.")

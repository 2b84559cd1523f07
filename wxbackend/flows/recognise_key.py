"""Who a key in the database belongs to: one indexed read, remembered so shortly that revoking works at once."""

from __future__ import annotations

import re
import threading
from typing import Final

import structlog

from wxbackend.flows.open_session import hash_of
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import ApiKey, Store
from wxbackend.ports.surroundings import Surroundings

REMEMBERED_MS: Final = 4_000
"""A key that is revoked is refused by every process within five seconds."""
REMEMBERED_KEYS_MAX: Final = 10_000
DAY_MS: Final = 86_400_000
KEY_SHAPE: Final = re.compile(r"[sp]k_(test|live)_[0-9A-Za-z]{20,80}")
"""What cannot be a key of ours is not looked up."""


class KeptKeys:
    """The keys of the database as one process sees them. Only keys that are valid are remembered."""

    def __init__(self, store: Store, surroundings: Surroundings) -> None:
        self._store = store
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._remembered: dict[str, tuple[Actor, int]] = {}

    def actor(self, key: str) -> Actor | None:
        """Who it belongs to, or None."""
        if KEY_SHAPE.fullmatch(key) is None:
            return None
        key_hash, now_ms = hash_of(key), self._surroundings.now_ms()
        remembered = self._remembered.get(key_hash)
        if remembered is not None and 0 <= now_ms - remembered[1] < REMEMBERED_MS:
            return remembered[0]
        found = self._store.read(lambda unit: unit.api_keys.find(key_hash))
        if found is None or found.revoked_ms is not None:
            self._remembered.pop(key_hash, None)
            return None
        self._note_use(found, now_ms // DAY_MS)
        self._remember(key_hash, found.actor, now_ms)
        return found.actor

    def _remember(self, key_hash: str, actor: Actor, now_ms: int) -> None:
        with self._lock:
            if len(self._remembered) >= REMEMBERED_KEYS_MAX:
                self._remembered.clear()
            self._remembered[key_hash] = (actor, now_ms)

    def _note_use(self, found: ApiKey, day: int) -> None:
        """Once a day; a database that cannot write it down now must not keep the key from working."""
        if found.last_used_day is not None and found.last_used_day >= day:
            return
        try:
            self._store.write(lambda unit: unit.api_keys.used(found.id, day=day))
        except Exception:  # noqa: BLE001 - see above
            structlog.get_logger("api").exception("key_use_not_noted", key_id=found.id)

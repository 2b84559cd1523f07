"""Where a merchant is told: an address, the types it wants, and the secrets that sign for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from wxbackend.domain.errors import Conflict
from wxbackend.domain.event import BY_NAME_ONLY, EventType

EVERYTHING: Final = "*"
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how secrets begin, not a secret
ENDPOINTS_MAX: Final = 16
"""For one account in one mode."""
SECRET_OVERLAP_MS: Final = 86_400_000
"""How long a replaced secret goes on signing beside the new one."""
RETIRED_SECRETS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class RetiredSecret:
    """A secret that was replaced; `until_ms` None means for as long as it stands in the settings."""

    secret: str = field(repr=False)
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook endpoint. One from the settings has no `created_ms`, and can't be changed through the API."""

    id: str
    account: str
    livemode: bool
    url: str = field(repr=False)
    secret: str = field(repr=False)
    retired: tuple[RetiredSecret, ...] = ()
    enabled_events: tuple[str, ...] = (EVERYTHING,)
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    disabled: bool = False
    created_ms: int | None = None
    version: int = 0

    @property
    def is_changeable(self) -> bool:
        """Whether it was made through the API."""
        return self.created_ms is not None

    def wants(self, kind: EventType) -> bool:
        """Whether an event of that type is to be delivered there."""
        if self.disabled:
            return False
        return kind.value in self.enabled_events or (EVERYTHING in self.enabled_events and kind not in BY_NAME_ONLY)

    def secrets_at(self, now_ms: int) -> tuple[str, ...]:
        """The secrets that sign at that moment, the present one first."""
        return (self.secret, *(old.secret for old in self._live(now_ms)))

    def rotated(self, secret: str, *, now_ms: int) -> Endpoint:
        """With a new secret; the present one signs on for a day. Raises `Conflict` when it changes too often."""
        live = self._live(now_ms)
        if len(live) >= RETIRED_SECRETS_MAX:
            raise Conflict(
                f"The secret was replaced {len(live)} times within 24 hours, and all of them still sign. "
                "Wait until the oldest has ended.",
                code="webhook_endpoint_secret_rotated_too_often",
            )
        return replace(self, secret=secret, retired=(RetiredSecret(self.secret, now_ms + SECRET_OVERLAP_MS), *live))

    def _live(self, now_ms: int) -> tuple[RetiredSecret, ...]:
        return tuple(old for old in self.retired if old.until_ms is None or now_ms < old.until_ms)

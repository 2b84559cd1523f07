"""Who pays again and again: the merchant's own buyer, and who that is in each app of a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

APPS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Customer:
    """One buyer of an account; times are Unix milliseconds. `payers` names the buyer in each app."""

    id: int
    account: str
    livemode: bool
    created_ms: int
    merchant_user_id: str | None = None
    description: str | None = None
    payers: Mapping[str, str] = field(default_factory=dict, repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict)
    version: int = 0

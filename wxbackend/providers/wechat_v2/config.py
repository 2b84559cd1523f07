"""What one merchant number at WeChat Pay needs for API v2: the key, the client certificate and addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wxbackend.ports.provider import ClientCertificate, Hosts

KEY_CHARACTERS: Final = 32


class BadKey(ValueError):
    """The key cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class MerchantConfig:
    """One merchant number. Calls that move money back go to `certificate_hosts` and show `client`.

    While the key is changed at WeChat there are two; nothing tells beforehand which of them counts there.
    """

    mchid: str
    apps: frozenset[str]
    key: str = field(repr=False)
    sign_type: str
    notify_url: str
    hosts: Hosts
    certificate_hosts: Hosts
    client: ClientCertificate
    charges_codes: bool = True
    previous_key: str | None = field(default=None, repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """All that prove WeChat's messages, the new one first."""
        return (self.key,) if self.previous_key is None else (self.key, self.previous_key)


def check_key(key: str) -> str:
    """The API key (APIv2 key), exactly 32 letters and digits."""
    if len(key) != KEY_CHARACTERS or not key.isalnum() or not key.isascii():
        raise BadKey(f"the APIv2 key must be exactly {KEY_CHARACTERS} letters and digits; it has {len(key)} characters")
    return key

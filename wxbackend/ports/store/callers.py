"""Who calls: login sessions, repeated requests, and the keys of providers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from wxbackend.ports.accounts import Actor
from wxbackend.ports.provider import PlatformCertificate


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A buyer who logged in through WeChat; the token is kept as its hash."""

    token_hash: str
    account: str
    livemode: bool
    appid: str
    openid: str = field(repr=False)
    payable: bool = True
    created_ms: int = 0
    expires_ms: int = 0


class Logins(Protocol):
    """Login sessions."""

    def insert(self, session: LoginSession) -> None:
        """Keep one."""
        ...

    def find(self, token_hash: str) -> LoginSession | None:
        """Read one, expired or not."""
        ...

    def forget(self, *, expired_before_ms: int) -> None:
        """Drop those that expired before then."""
        ...


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request that may be sent again: who, which key, and what it asked."""

    account: str
    livemode: bool
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class KeptReply:
    """What is known under a key. `status` is None while the first request is being worked on."""

    fingerprint: str
    status: int | None
    body: bytes | None
    object_id: int | None
    begun_ms: int


class Idempotency(Protocol):
    """Replies kept for requests that are sent again."""

    def find(self, request: IdempotentRequest) -> KeptReply | None:
        """What is kept under the key."""
        ...

    def begin(self, request: IdempotentRequest, *, object_id: int | None, now_ms: int) -> KeptReply | None:
        """Claim the key; None when it is ours now, else what is there."""
        ...

    def finish(self, request: IdempotentRequest, *, status: int, body: bytes) -> None:
        """Keep the answer, if this very request holds the claim and was not answered yet."""
        ...

    def release(self, request: IdempotentRequest) -> None:
        """Forget a claim whose request changed nothing."""
        ...

    def forget(self, *, begun_before_ms: int) -> None:
        """Drop what is older."""
        ...


class Certificates(Protocol):
    """Providers' certificates that were fetched, shared by all processes."""

    def save(self, provider: str, merchant: str, certificates: Sequence[PlatformCertificate]) -> None:
        """Keep these beside what is there."""
        ...

    def load(self, provider: str, merchant: str) -> tuple[PlatformCertificate, ...]:
        """All that are kept."""
        ...


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is kept: its hash, and enough of it for a person to recognise it by."""

    id: int
    actor: Actor
    name: str
    key_hash: str = field(repr=False)
    prefix: str
    last_four: str
    created_ms: int
    last_used_day: int | None = None
    """Days since the epoch; enough to see whether anybody still uses it."""
    revoked_ms: int | None = None


class ApiKeys(Protocol):
    """API keys that an operator made at run time; the keys themselves exist nowhere here."""

    def insert(self, key: ApiKey) -> None:
        """Keep a new one."""
        ...

    def find(self, key_hash: str) -> ApiKey | None:
        """Read one by its hash, revoked or not."""
        ...

    def list(self) -> Sequence[ApiKey]:
        """All, oldest first."""
        ...

    def used(self, key_id: int, *, day: int) -> None:
        """It was used on that day."""
        ...

    def revoke(self, key_id: int, *, now_ms: int) -> bool:
        """It is not valid any more; whether it was until now."""
        ...

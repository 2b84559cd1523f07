"""Short-lived shared values in Redis, for processes on several machines.

A failover may lose what was just written, and with it a lease: then two processes do the same thing
once, which is harmless for all that is kept here. Nothing is sent twice by this client: after a lost
answer nobody knows whether a lease was taken, and its time to live settles that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from wxbackend.domain.errors import CoordinationAway

CONNECT_TIMEOUT_S: Final = 1.0
READ_TIMEOUT_S: Final = 2.0
CONNECTIONS_MAX: Final = 256
KEY_PREFIX: Final = "wxbackend:"
"""Others may use the same Redis."""

_PUT_HELD: Final = """
if redis.call('GET', KEYS[2]) == ARGV[3] then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
  return 1
end
return 0
"""
_REMOVE_OWN: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
"""


class RedisCoordination:
    """See `ports.coordination.Coordination`. Connects when it is first needed, so Redis may come later."""

    def __init__(self, url: str) -> None:
        # Typed as Any: the client's types cover its asynchronous twin too, and fit neither.
        self._client: Any = Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=READ_TIMEOUT_S,
            max_connections=CONNECTIONS_MAX,
            retry=Retry(NoBackoff(), 0),
        )

    def get(self, key: str) -> str | None:
        """The value while its time lasts."""
        with _asking():
            found: str | None = self._client.get(KEY_PREFIX + key)
            return found

    def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Keep a value."""
        with _asking():
            self._client.set(KEY_PREFIX + key, value, ex=ttl_s)

    def put_held(self, key: str, value: str, *, ttl_s: int, lease: str, holder: str) -> bool:
        """Keep a value while the lease is the holder's; Redis runs the script as one step."""
        with _asking():
            keys = (KEY_PREFIX + key, KEY_PREFIX + lease)
            return bool(self._client.eval(_PUT_HELD, 2, *keys, value, ttl_s, holder))

    def add(self, key: str, value: str, *, ttl_s: int) -> bool:
        """Keep a value unless one is there."""
        with _asking():
            return bool(self._client.set(KEY_PREFIX + key, value, ex=ttl_s, nx=True))

    def remove(self, key: str, *, value: str | None = None) -> None:
        """Forget it."""
        with _asking():
            if value is None:
                self._client.delete(KEY_PREFIX + key)
            else:
                self._client.eval(_REMOVE_OWN, 1, KEY_PREFIX + key, value)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()


@contextmanager
def _asking() -> Iterator[None]:
    """The kind of trouble is told, never the text: it may name the address with its password."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise CoordinationAway(f"Redis gave no answer ({type(error).__name__})") from error

"""One credential for all processes and machines: whoever finds it missing or old fetches it, and only one does.

The lease decides who. It ends by itself when its holder dies, and a holder that was slower than its
lease is fenced off. While the credential is still good, one process renews it and the others go on with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final

import orjson
import structlog

from wxbackend.domain.errors import ProviderError, ProviderUnknown
from wxbackend.identity.errcodes import pause_s, refusal
from wxbackend.ports.coordination import Coordination
from wxbackend.ports.identity import PlatformRefused
from wxbackend.ports.surroundings import Surroundings

RENEW_BEFORE_S: Final = 300
RENEW_APART_S: Final = 30
"""WeChat may answer a renewal with the same credential: then it is not asked again at once."""
LAST_SECONDS_S: Final = 5
"""A credential that would end on its way to WeChat is not used."""
TROUBLE_PAUSE_S: Final = 2
"""After a call without an answer those who wait fail too, instead of waiting for a time-out each."""
LOOK_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Fetched:
    """What WeChat gave, and for how many seconds."""

    value: str = field(repr=False)
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Credential:
    """A shared credential. Two with the same `fetch` come from one call of WeChat; times are Unix milliseconds."""

    value: str = field(repr=False)
    fetch: str
    renew_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a dead holder keeps the others waiting, and how long they wait in all."""

    lease_s: int = 10
    wait_looks_max: int = 500


Fetch = Callable[[], Fetched]


class SingleFlight:
    """Keeps credentials by name in the shared coordination."""

    def __init__(
        self, coordination: Coordination, surroundings: Surroundings, *, holder: str, pace: Pace = Pace()
    ) -> None:
        self._coordination = coordination
        self._surroundings = surroundings
        self._holder = holder
        self._pace = pace
        self._log = structlog.get_logger("identity")

    def current(self, name: str, fetch: Fetch) -> Credential:
        """The credential, fetched if there is none.

        Raises `ProviderError` (a `PlatformRefused` where WeChat said no) and `CoordinationAway`.
        """
        kept = self._kept(name)
        if kept is None:
            return self._awaited(name, fetch, dead=None)
        if self._surroundings.now_ms() >= kept.renew_ms:
            return self._renewed(name, fetch, kept)
        return kept

    def replacement(self, name: str, fetch: Fetch, dead: Credential) -> Credential:
        """A credential that was fetched after `dead` was: somebody else's, or one that is fetched now, once."""
        return self._awaited(name, fetch, dead=dead)

    def _kept(self, name: str) -> Credential | None:
        text = self._coordination.get(name)
        if text is None:
            return None
        try:
            found = Credential(**orjson.loads(text))
        except (orjson.JSONDecodeError, TypeError):  # of another release: whoever fetches next writes over it
            return None
        return found if found.until_ms > self._surroundings.now_ms() + LAST_SECONDS_S * 1000 else None

    def _renewed(self, name: str, fetch: Fetch, kept: Credential) -> Credential:
        """The next one if we are who renews it and that goes well, else the one that is still good."""
        if self._coordination.get(_pause(name)) is not None:
            return kept
        holder = self._lease(name)
        if holder is None:
            return kept
        try:
            now = self._kept(name)
            if now is not None and now.fetch != kept.fetch:
                return now
            return self._fetched(name, fetch, holder)
        except ProviderError as error:
            self._log.warning("renewal_failed", name=name, reason=str(error))
            return kept
        finally:
            self._coordination.remove(_lease(name), value=holder)

    def _awaited(self, name: str, fetch: Fetch, *, dead: Credential | None) -> Credential:
        for _ in range(self._pace.wait_looks_max):
            found = self._better(name, dead)
            if found is not None:
                return found
            self._raise_pause(name)
            holder = self._lease(name)
            if holder is not None:
                try:
                    return self._better(name, dead) or self._fetched(name, fetch, holder)
                finally:
                    self._coordination.remove(_lease(name), value=holder)
            self._surroundings.wait(LOOK_EVERY_S)
        raise ProviderUnknown(f"nobody fetched {name} in time")

    def _better(self, name: str, dead: Credential | None) -> Credential | None:
        kept = self._kept(name)
        return kept if kept is not None and (dead is None or kept.fetch != dead.fetch) else None

    def _fetched(self, name: str, fetch: Fetch, holder: str) -> Credential:
        begun_ms = self._surroundings.now_ms()
        try:
            fetched = fetch()
        except PlatformRefused as refused:
            self._keep_pause(name, pause_s(refused.errcode, begun_ms) or TROUBLE_PAUSE_S, refused.errcode)
            raise
        except ProviderError:
            self._keep_pause(name, TROUBLE_PAUSE_S, None)
            raise
        until_ms = begun_ms + fetched.expires_in_s * 1000
        renew_ms = max(until_ms - RENEW_BEFORE_S * 1000, begun_ms + RENEW_APART_S * 1000)
        new = Credential(fetched.value, holder, renew_ms, until_ms)
        text = orjson.dumps(asdict(new)).decode()
        ttl_s = max(fetched.expires_in_s, 1)
        if not self._coordination.put_held(name, text, ttl_s=ttl_s, lease=_lease(name), holder=holder):
            # We were slower than our lease, and who came after us may know better.
            return self._kept(name) or new
        return new

    def _lease(self, name: str) -> str | None:
        """Take the lease; the name of this one holding of it, or None when it is another's."""
        holder = f"{self._holder}:{self._surroundings.nonce()}"
        return holder if self._coordination.add(_lease(name), holder, ttl_s=self._pace.lease_s) else None

    def _keep_pause(self, name: str, seconds: int, errcode: int | None) -> None:
        self._coordination.put(_pause(name), "" if errcode is None else str(errcode), ttl_s=seconds)

    def _raise_pause(self, name: str) -> None:
        errcode = self._coordination.get(_pause(name))
        if errcode is None:
            return
        if errcode:
            raise refusal(int(errcode))
        raise ProviderUnknown(f"WeChat gave no answer for {name} a moment ago")


def _lease(name: str) -> str:
    return f"{name}:lease"


def _pause(name: str) -> str:
    return f"{name}:pause"

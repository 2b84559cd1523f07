"""The port to what WeChat's platform pushes to an app: messages and events, each proven before anything believes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from wxbackend.ports.accounts import App


@dataclass(frozen=True, slots=True)
class Push:
    """One message or event. `sealed` says that the proof covers what it says, and not only who sent something."""

    id: str
    """The same for every copy of it."""
    kind: str
    """`event`, or the type of a message."""
    event: str
    """The event's name in lower case; empty for a message."""
    sealed: bool
    fields: Mapping[str, str] = field(repr=False)
    content: str = field(repr=False)
    """The whole of it as it was decrypted, to be read again."""


class PushReader(Protocol):
    """Proves and reads pushes; never calls out."""

    def prove_address(self, app: App, query: Mapping[str, str]) -> bytes:
        """What to answer when WeChat asks whether this address is the app's; raises `Untrusted`."""
        ...

    def read(self, app: App, query: Mapping[str, str], body: bytes) -> Push:
        """Verify, decrypt and read one; raises `Untrusted`."""
        ...

    def reread(self, content: str, *, sealed: bool) -> Push:
        """Read the content of one that was proven before."""
        ...

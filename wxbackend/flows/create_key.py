"""Make an API key: it is shown once, and only its hash is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wxbackend.domain.errors import InvalidRequest
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.open_session import hash_of
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import ApiKey

NAME_CHARACTERS_MAX: Final = 80
PREFIXES: Final = {KeyKind.SECRET: "sk", KeyKind.PUBLISHABLE: "pk"}


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key; `key` exists nowhere else."""

    kept: ApiKey
    key: str = field(repr=False)


def create_key(deps: Dependencies, actor: Actor, *, name: str) -> CreatedKey:
    """Make one for an account, a mode and a kind; raises `InvalidRequest` for a name that is no name."""
    if not name.strip() or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        raise InvalidRequest(f"A key needs a name of 1 to {NAME_CHARACTERS_MAX} printable characters.", param="name")
    prefix = f"{PREFIXES[actor.kind]}_{'live' if actor.livemode else 'test'}_"
    key = prefix + deps.surroundings.token()
    kept = ApiKey(
        id=deps.surroundings.new_id(),
        actor=actor,
        name=name.strip(),
        key_hash=hash_of(key),
        prefix=prefix,
        last_four=key[-4:],
        created_ms=deps.surroundings.now_ms(),
    )
    deps.store.write(lambda unit: unit.api_keys.insert(kept))
    return CreatedKey(kept, key)

"""The keys that a merchant's number shares with WeChat, and the ones before them, while they are changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wxbackend.settings_document import WrongSettings


def shared_keys(entry: dict[str, Any], text_of: Callable[[str, str], str], *, place: str) -> dict[str, Any]:
    """The APIv3 keys, the present one first, and the APIv2 key with the one before it."""
    found: dict[str, str] = {}
    for name in ("apiv3_key", "apiv2_key"):
        previous = f"{name}_previous"
        for each in (name, previous):
            if f"{each}_file" in entry:
                found[each] = text_of(entry[f"{each}_file"], f"{place} {each}_file")
        if previous in found and name not in found:
            raise WrongSettings(f"{place}: {previous}_file needs {name}_file beside it, with the new key.")
        if previous in found and found[previous] == found[name]:
            raise WrongSettings(f"{place}: {previous}_file holds the same key as {name}_file; take it out.")
    apiv3 = tuple(found.pop(name).encode() for name in ("apiv3_key", "apiv3_key_previous") if name in found)
    return {"apiv3_keys": apiv3, **found}

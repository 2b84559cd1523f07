"""The settings of an app's pushes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from wxbackend.settings_document import WrongSettings

AES_KEY: Final = re.compile(r"[A-Za-z0-9]{43}")
PUSH_TOKEN: Final = re.compile(r"[A-Za-z0-9]{3,32}")


def push_secrets(entry: dict[str, Any], text_of: Callable[[str, str], str]) -> dict[str, Any]:
    """What proves and opens WeChat's pushes to an app."""
    place, keys = f"app {entry['appid']}", []
    for name in ("push_aes_key_file", "push_aes_key_previous_file"):
        if name in entry:
            keys.append(text_of(entry[name], f"{place} {name}"))
            if not AES_KEY.fullmatch(keys[-1]):
                raise WrongSettings(f"{place} {name}: an EncodingAESKey has 43 letters and digits.")
    if "push_token_file" not in entry:
        if keys:
            raise WrongSettings(f"{place}: push_aes_key_file needs push_token_file beside it.")
        return {}
    if "push_aes_key_previous_file" in entry and "push_aes_key_file" not in entry:
        raise WrongSettings(f"{place}: push_aes_key_previous_file needs push_aes_key_file beside it.")
    token = text_of(entry["push_token_file"], f"{place} push_token_file")
    if not PUSH_TOKEN.fullmatch(token):
        raise WrongSettings(f"{place} push_token_file: a token has 3 to 32 letters and digits.")
    return {"push_token": token, "push_aes_keys": tuple(keys)}

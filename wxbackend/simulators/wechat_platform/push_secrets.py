"""The token and the EncodingAESKey of each app, as its console shows them; made once and kept."""

from __future__ import annotations

import os
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = "push"
TOKEN_CHARACTERS = 24
AES_KEY_CHARACTERS = 43
ALPHABET = string.ascii_letters + string.digits
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class PushSecrets:
    """What both sides of an app's pushes know."""

    token: str = field(repr=False)
    aes_key: str = field(repr=False)


def ensure_push_secrets(directory: Path, appids: Iterable[str]) -> None:
    """Make those that are missing below a directory of credentials."""
    folder = directory / FOLDER
    folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    for appid in appids:
        for name, characters in (("token", TOKEN_CHARACTERS), ("aes_key", AES_KEY_CHARACTERS)):
            path = folder / f"{appid}.{name}.txt"
            if not path.exists():
                _write(path, "".join(secrets.choice(ALPHABET) for _ in range(characters)))


def load_push_secrets(directory: Path, appid: str) -> PushSecrets:
    """Those of one app."""
    folder = directory / FOLDER
    return PushSecrets(
        token=(folder / f"{appid}.token.txt").read_text(encoding="ascii").strip(),
        aes_key=(folder / f"{appid}.aes_key.txt").read_text(encoding="ascii").strip(),
    )


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)

"""The settings file with its environment, before anything in it is checked.

A text may name the environment as `${NAME}` or `${NAME:-default}`, and `WXBACKEND__SERVER__DATABASE_URL=…` overrides
`server.database_url`. Nothing here knows what a setting means.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from wxbackend.domain.errors import WxbackendError

CONFIG_VARIABLE: Final = "WXBACKEND_CONFIG"
OVERRIDE_PREFIX: Final = "WXBACKEND__"
PLACEHOLDER: Final = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]*)(:-(?P<default>[^}]*))?\}")
PUBLIC_FILES: Final = frozenset({"authority_file", "certificate_file", "public_key_file", "publishable_key_file"})
"""Files that anybody may read; every other `…_file` holds a secret."""


class WrongSettings(WxbackendError):
    """The settings cannot be used; the message lists every wrong one with its fix."""


def read_document(path: str | Path | None, env: Mapping[str, str]) -> tuple[Path, dict[str, Any]]:
    """The settings file and what stands in it, before it is checked."""
    named = str(path or env.get(CONFIG_VARIABLE, ""))
    if not named:
        raise WrongSettings(f"Set {CONFIG_VARIABLE} to a TOML file, for example config/development.toml.")
    file = Path(named)
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongSettings(f"The settings file {named} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettings(f"The settings file {named} is not TOML: {error}.") from error
    document = _expand(document, env)
    _override(document, env)
    return file, document


def named_files(value: Any) -> set[str]:
    """The names of all files with secrets in a part of the document."""
    if isinstance(value, list):
        return {name for inner in value for name in named_files(inner)}
    if not isinstance(value, dict):
        return set()
    found = {name for inner in value.values() for name in named_files(inner)}
    return found | {
        inner
        for name, inner in value.items()
        if name.endswith("_file") and name not in PUBLIC_FILES and isinstance(inner, str)
    }


def _override(document: dict[str, Any], env: Mapping[str, str]) -> None:
    for name, value in env.items():
        if not name.startswith(OVERRIDE_PREFIX):
            continue
        section, _, key = name.removeprefix(OVERRIDE_PREFIX).lower().partition("__")
        if section not in ("server", "work", "upstream") or not key:
            raise WrongSettings(f"{name}: only server, work and upstream settings can be overridden like this.")
        table = document.setdefault(section, {})
        if not isinstance(table, dict):
            raise WrongSettings(f"{section}: must be a table, [{section}].")
        table[key] = _override_value(name, value)


def _override_value(name: str, value: str) -> Any:
    if value[:1] != "[":
        return value
    try:
        return tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError as error:
        raise WrongSettings(f"{name}: {value!r} is not a TOML list, for example [10, 30].") from error


def _expand(value: Any, env: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _expand(inner, env) for name, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, env) for inner in value]
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: _variable(found, env), value)
    return value


def _variable(found: re.Match[str], env: Mapping[str, str]) -> str:
    value = env.get(found["name"]) or found["default"]
    if value is None:
        raise WrongSettings(f"The environment variable {found['name']} is not set, and the settings need it.")
    return value

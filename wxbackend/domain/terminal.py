"""Where the buyer stands when paying; written in any case by callers, shown in the seeds' spelling."""

from __future__ import annotations

from enum import Enum

from wxbackend.domain.errors import InvalidRequest


class Terminal(Enum):
    """The terminal types of the seed document for WeChat Pay that this version can serve."""

    OFFICIAL_ACCOUNT = "official_account"
    MINI_PROGRAM = "mini_program"


class AppKind(Enum):
    """What a WeChat appid is; it decides how its buyers log in."""

    OFFICIAL_ACCOUNT = "official_account"
    MINI_PROGRAM = "mini_program"


APP_KIND = {
    Terminal.OFFICIAL_ACCOUNT: AppKind.OFFICIAL_ACCOUNT,
    Terminal.MINI_PROGRAM: AppKind.MINI_PROGRAM,
}

_BY_SPELLING = {terminal.value: terminal for terminal in Terminal}


def parse_terminal(text: str, *, param: str) -> Terminal:
    """The terminal for a spelling in any case; `InvalidRequest` names those that exist."""
    terminal = _BY_SPELLING.get(text.lower())
    if terminal is None:
        raise InvalidRequest(
            f"terminal_type {text[:40]!r} is not served; use one of {', '.join(sorted(_BY_SPELLING))}.",
            code="parameter_invalid_enum",
            param=param,
        )
    return terminal

"""Where the buyer stands when paying; written in any case by callers, shown in the seeds' spelling."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from wxbackend.domain.errors import InvalidRequest


class Terminal(Enum):
    """The terminal types of the seed document for WeChat Pay that this version can serve."""

    OFFICIAL_ACCOUNT = "official_account"
    MINI_PROGRAM = "mini_program"
    WEB = "WEB"
    WAP = "WAP"
    APP = "APP"
    SCAN_CODE = "SCAN_CODE"
    """The shop scans the buyer's payment code."""


class AppKind(Enum):
    """What a WeChat appid is; it decides how its buyers log in."""

    OFFICIAL_ACCOUNT = "official_account"
    MINI_PROGRAM = "mini_program"
    MOBILE_APP = "mobile_app"


_ANY_APP: Final = (AppKind.OFFICIAL_ACCOUNT, AppKind.MINI_PROGRAM, AppKind.MOBILE_APP)

APP_KINDS: Final[Mapping[Terminal, tuple[AppKind, ...]]] = {
    Terminal.OFFICIAL_ACCOUNT: (AppKind.OFFICIAL_ACCOUNT,),
    Terminal.MINI_PROGRAM: (AppKind.MINI_PROGRAM,),
    Terminal.WEB: _ANY_APP,
    Terminal.WAP: _ANY_APP,
    Terminal.APP: (AppKind.MOBILE_APP,),
    Terminal.SCAN_CODE: _ANY_APP,
}
"""Which apps may order for a terminal; where no app is named, the first kind that the account has."""

TERMINAL_OF_LOGIN: Final[Mapping[AppKind, Terminal]] = {
    AppKind.OFFICIAL_ACCOUNT: Terminal.OFFICIAL_ACCOUNT,
    AppKind.MINI_PROGRAM: Terminal.MINI_PROGRAM,
}
"""Where a buyer stands who logged in through an app."""

NEEDS_PAYER: Final = frozenset({Terminal.OFFICIAL_ACCOUNT, Terminal.MINI_PROGRAM})
"""Orders that name their payer beforehand; the others are paid by whoever opens them first."""

_BY_SPELLING: Final = {terminal.value.lower(): terminal for terminal in Terminal}
SPELLINGS: Final = ", ".join(sorted((terminal.value for terminal in Terminal), key=str.lower))


def parse_terminal(text: str, *, param: str) -> Terminal:
    """The terminal for a spelling in any case; `InvalidRequest` names those that exist."""
    terminal = _BY_SPELLING.get(text.lower())
    if terminal is None:
        raise InvalidRequest(
            f"terminal_type {text[:40]!r} is not served; use one of {SPELLINGS}.",
            code="parameter_invalid_enum",
            param=param,
        )
    return terminal

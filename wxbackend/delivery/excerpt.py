"""The beginning of an endpoint's answer, fit to be kept: short, printable, and without what may be a secret."""

from __future__ import annotations

import re
from typing import Final

EXCERPT_CHARACTERS_MAX: Final = 500
SECRET_CHARACTERS_MIN: Final = 16
REMOVED: Final = "[removed]"
_HARMLESS: Final = re.compile(r"[a-z]{2,4}_[0-9]{19}|[a-z]+([_./-][a-z]+)*")
_MAYBE_SECRET: Final = re.compile(rf"[A-Za-z0-9_+/=.~-]{{{SECRET_CHARACTERS_MIN},}}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def excerpt(body: bytes) -> str:
    """Up to 500 characters. An endpoint may answer with what it was sent, or with keys of its own.

    So a long run without a space is removed, unless it is an identifier of ours or lower-case words.
    """
    text = _UNPRINTABLE.sub(" ", body.decode("utf-8", errors="replace")).strip()
    return _MAYBE_SECRET.sub(_kept, text)[:EXCERPT_CHARACTERS_MAX]


def _kept(found: re.Match[str]) -> str:
    return found[0] if _HARMLESS.fullmatch(found[0]) else REMOVED

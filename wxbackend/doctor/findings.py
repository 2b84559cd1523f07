"""What the doctor found: one line each, with the fix; never a key, an openid or a body."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How bad it is. Only `failed` means that payments cannot work."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    verdict: Verdict
    message: str
    fix: str = ""

    def line(self) -> str:
        """As a person reads it."""
        fix = f"\n           fix: {self.fix}" if self.fix else ""
        return f"{self.verdict.value:8} {self.check}: {self.message}{fix}"


def ok(check: str, message: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Verdict.OK, message)


def warning(check: str, message: str, fix: str) -> Finding:
    """Payments work, and somebody should look at it."""
    return Finding(check, Verdict.WARNING, message, fix)


def failed(check: str, message: str, fix: str) -> Finding:
    """Payments cannot work like this."""
    return Finding(check, Verdict.FAILED, message, fix)


def exit_status(findings: Iterable[Finding]) -> int:
    """1 when something failed, else 0."""
    return int(any(finding.verdict is Verdict.FAILED for finding in findings))

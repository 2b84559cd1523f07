"""The command line, run as an operator runs it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Final

from tests.support.stack import QUICK, RunningStack
from wxbackend.development import ROOT

COMMAND_S_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


def run(stack: RunningStack, *words: str, **changes: str) -> Ran:
    """Run `wxbackend …` beside the stack, with its environment and these changes."""
    environment = stack.stack.environment() | QUICK | stack.extra_environment | changes
    done = subprocess.run(
        [sys.executable, "-m", "wxbackend.cli", *words],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)

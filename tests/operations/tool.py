"""The command line, run as an operator runs it."""

from __future__ import annotations

from tests.support import workshop
from tests.support.stack import QUICK, RunningStack
from tests.support.workshop import Ran

__all__ = ["Ran", "run"]


def run(stack: RunningStack, *words: str, **changes: str) -> Ran:
    """Run `wxbackend …` beside the stack, with its environment and these changes."""
    return workshop.run(words, stack.stack.environment() | QUICK | stack.extra_environment | changes)

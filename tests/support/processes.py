"""Processes of a stack: each leads a group of its own, so that it ends together with what it started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

END_WITHIN_S: Final = 10


class Running(Protocol):
    """A process that leads its group, as `subprocess.Popen` shows one."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has."""
        ...


def launch(
    command: Sequence[str], log: Path, *, cwd: Path, environment: Mapping[str, str] | None = None, **more: Any
) -> subprocess.Popen[bytes]:
    """Start a process that appends what it prints to a file."""
    with log.open("ab") as file:
        return subprocess.Popen(
            list(command), env=environment, cwd=cwd, stdout=file, stderr=file, start_new_session=True, **more
        )


def kill(process: Running) -> None:
    """kill -9, the process and its group; waits until it is gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end(processes: Iterable[Running]) -> None:
    """Ask all to stop, at the same time; kill what has not stopped in time."""
    asked = list(processes)
    for process in asked:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in asked:
        try:
            process.wait(timeout=END_WITHIN_S)
        except subprocess.TimeoutExpired:
            kill(process)

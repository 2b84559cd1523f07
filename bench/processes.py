"""Starting processes on chosen cores, and the processor time that they and their threads have spent."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_connection
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
ALL_CORES: Final = frozenset(os.sched_getaffinity(0))
MEASURED_CORES: Final = frozenset({min(ALL_CORES)})
OTHER_CORES: Final = ALL_CORES - MEASURED_CORES or ALL_CORES
UP_WITHIN_S: Final = 60.0
DOWN_WITHIN_S: Final = 15.0


class BenchError(Exception):
    """The bench itself cannot go on; says what to do."""


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """This thread, and what it starts meanwhile, runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(
    command: Sequence[str], *, cores: frozenset[int], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process of the repository on these cores, with its output in a file."""
    with pinned(cores), log.open("ab") as file:
        return subprocess.Popen(
            command, cwd=ROOT, env=dict(environment or os.environ), stdout=file, stderr=file, start_new_session=True
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=DOWN_WITHIN_S)
    except subprocess.TimeoutExpired:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill -9, the process and what it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until somebody listens on the port."""
    deadline = time.monotonic() + UP_WITHIN_S
    while True:
        try:
            with closing(create_connection(("127.0.0.1", port), timeout=1.0)):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-2000:]
                raise BenchError(f"a process of the bench did not come up:\n{said}") from None
            time.sleep(0.05)


def cpu_s(pid: int) -> float:
    """Processor time of a process and its children so far, with all their threads.

    The kernel's processor clock of a process is what utime + stime are rounded from.
    """
    return sum(time.clock_gettime((~one << 3) | 2) for one in _family(pid))


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(each for child in children for each in _family(int(child)))]

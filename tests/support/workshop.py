"""Commands of the product as processes that need not load it: each is forked from one that has loaded it already.

What a command does, prints and ends with is its own; only the start of the interpreter and the imports, two
seconds of a busy machine, are done once for each test process.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, cast

from tests.support import processes
from wxbackend.development import ROOT

FORKING: Final = multiprocessing.get_context("forkserver")
LOADED: Final = (
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "wxbackend.assembly",
    "wxbackend.demo",
    "wxbackend.doctor.examination",
    "wxbackend.listen",
    "wxbackend.reconcile",
    "wxbackend.simulators.server",
    "wxbackend.store.migrate",
    "wxbackend.trigger",
    "tests.journeys.token_client",
    "tests.support.workshop",
)
COMMAND: Final = (sys.executable, "-m", "wxbackend.cli")
COMMAND_S_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


def ready() -> None:
    """Say what is loaded; it counts from the first process on."""
    FORKING.set_forkserver_preload(list(LOADED))


class Forked:
    """A command that runs, and leads a group of processes of its own."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> None:
        ready()
        ours, theirs = FORKING.Pipe(duplex=False)
        told = (tuple(words), dict(environment), str(out), str(err), theirs)
        self._process: Any = FORKING.Process(target=_begin, args=told, daemon=True)
        self._process.start()
        theirs.close()
        with suppress(EOFError), closing(ours):
            ours.recv()  # it leads its group, or is gone already

    @property
    def pid(self) -> int:
        """Its number."""
        found: int = self._process.pid
        return found

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""
        found: int | None = self._process.exitcode
        return found

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        found = self.poll()
        if found is None:
            raise subprocess.TimeoutExpired("wxbackend", timeout or 0)
        return found


def launch(command: Sequence[str], log: Path, *, environment: Mapping[str, str]) -> Forked:
    """Start a command of the product that appends what it prints to a file."""
    assert tuple(command[: len(COMMAND)]) == COMMAND, command
    return Forked(command[len(COMMAND) :], environment, log, log)


def run(words: Sequence[str], environment: Mapping[str, str]) -> Ran:
    """Run `wxbackend …` to its end in this environment."""
    with tempfile.TemporaryDirectory(prefix="wxbackend-ran-") as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = Forked(words, environment, out, err)
        try:
            status = process.wait(COMMAND_S_MAX)
        except subprocess.TimeoutExpired:
            processes.kill(process)
            raise AssertionError(f"{words} did not end within {COMMAND_S_MAX} s: {err.read_text()}") from None
        return Ran(status, out.read_text(), err.read_text())


def _begin(words: Sequence[str], environment: Mapping[str, str], out: str, err: str, begun: Connection) -> None:
    """In the new process: be the command."""
    from wxbackend.cli import main

    os.setsid()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, number)
        os.close(file)
    for stream in (sys.stdout, sys.stderr):
        cast("TextIOWrapper", stream).reconfigure(write_through=True)  # as PYTHONUNBUFFERED says
    os.execv = _become  # type: ignore[assignment]
    sys.argv = ["wxbackend", *words]
    begun.send(None)
    begun.close()
    try:
        main()
    finally:
        atexit._run_exitfuncs()


def _become(_: str, arguments: Sequence[str]) -> None:
    """What `serve` puts in its place: gunicorn, without loading it anew."""
    assert arguments[1:3] == ["-m", "gunicorn"], arguments
    from gunicorn.app.wsgiapp import run as gunicorn

    sys.argv = ["gunicorn", *arguments[3:]]
    gunicorn()

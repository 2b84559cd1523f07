"""Run as a process: imports every module of the product and prints whatever the import itself did to the world."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
from typing import Any, Final

import wxbackend

WATCHED: Final = frozenset(
    {
        "open", "os.chdir", "os.mkdir", "os.putenv", "os.remove", "os.rename", "os.system", "os.fork", "socket.bind",
        "socket.connect", "socket.getaddrinfo", "socket.__new__", "sqlite3.connect", "subprocess.Popen",
    }
)  # fmt: skip
# Alembic runs this one while it migrates; it is not a module to import.
NOT_MODULES: Final = "wxbackend.store.migrations"


def names() -> list[str]:
    """Every module of the product."""
    found = [module.name for module in pkgutil.walk_packages(wxbackend.__path__, "wxbackend.")]
    return [name for name in found if not name.startswith(NOT_MODULES)]


def main() -> None:
    """Import once so that libraries are there, forget our own modules, and watch the second import."""
    wanted = names()
    for name in wanted:
        importlib.import_module(name)
    for name in wanted:
        del sys.modules[name]
    did: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in WATCHED and not _is_source(arguments):
            did.append(f"{event} {str(arguments[:2])[:120]}")

    sys.addaudithook(watch)
    for name in wanted:
        before, threads = len(did), threading.active_count()
        importlib.import_module(name)
        sys.stdout.writelines(f"{name}: {what}\n" for what in did[before:])
        if threading.active_count() != threads:
            sys.stdout.write(f"{name}: started a thread\n")


def _is_source(arguments: tuple[Any, ...]) -> bool:
    return bool(arguments) and str(arguments[0]).rsplit(".", 1)[-1] in ("py", "pyc")


if __name__ == "__main__":
    main()

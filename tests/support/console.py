"""What WeChat's console gave the simulated merchant: keys made once for each test process, and copied from then on."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from wxbackend.simulators.credentials import Credentials, ensure


def downloads(directory: Path) -> Credentials:
    """The same keys in every directory. Who needs others makes them with the simulator's own `ensure`."""
    if not directory.exists():
        shutil.copytree(_made_once(), directory)
    return ensure(directory)


@cache
def _made_once() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="wxbackend-console-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return ensure(folder / "wechat").directory

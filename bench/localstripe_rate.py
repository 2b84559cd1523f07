"""localstripe, the stand-in for Stripe's API that others test with, in the same run: creates per core-second (M14)."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import venv
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlencode

from bench import creating, messages
from bench.figures import Omitted, Reached, Target
from bench.processes import MEASURED_CORES, cpu_s, start, stop, wait_until_listening
from bench.product import running
from bench.run import Run
from tests.support.stack import free_port

VERSION: Final = "1.15.10"
CREATES: Final = 2000
BODY: Final = urlencode({"amount": "2000", "currency": "cny"}).encode()
TARGET: Final = Target(
    "creates per core-second ÷ localstripe's (M14)", 3.0, 5.0,
    f"POST /v1/payment_intents without confirm, durable on SQLite, against localstripe {VERSION}, which writes a "
    f"pickle of everything it holds at every write. Each round begins with an empty localstripe and makes {CREATES}: "
    "the more it holds, the slower it gets.",
    unit="x",
)  # fmt: skip


def measure(run: Run) -> None:
    """Both in turns, in every round."""
    program = _installed(run)
    if program is None:
        return
    theirs: list[float] = []
    ours: list[float] = []
    with run.place("localstripe", postgresql=False) as place, running(place, "upstream", "web") as product:
        run.load.drive(product.web_port, messages.creates(product.secret_key, 200, confirm=False))
        for number in range(run.rounds):
            run.tell(f"localstripe: round {number + 1}")
            theirs.append(_theirs(run, program))
            requests = messages.creates(product.secret_key, CREATES, confirm=False)
            ours.append(creating.per_request(run, product, requests)[0])
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    detail = f"{median(ours) * 1000:.2f} ms against {median(theirs) * 1000:.2f} ms"
    run.findings.reached.append(Reached(TARGET, ratios, detail))


def _installed(run: Run) -> Path | None:
    """The program of localstripe, in a virtual environment of its own that later runs find again."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wxbackend-bench"
    folder = cache / f"localstripe-{VERSION}-{sys.version_info.major}.{sys.version_info.minor}"
    program = folder / "bin" / "localstripe"
    if program.exists():
        return program
    run.tell(f"installing localstripe {VERSION} into {folder}")
    try:
        venv.create(folder, with_pip=True, clear=True)
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", f"localstripe=={VERSION}"]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        reason = f"localstripe {VERSION} could not be installed: {said.decode(errors='replace').strip()[-300:]}"
        run.findings.omitted.append(Omitted(TARGET.name, reason))
        return None
    return program


def _theirs(run: Run, program: Path) -> float:
    port, log = free_port(), run.folder / "localstripe.log"
    process = start([str(program), "--port", str(port), "--from-scratch"], cores=MEASURED_CORES, log=log)
    try:
        wait_until_listening(process, port, log)
        basic = base64.b64encode(b"sk_test_12345:").decode("ascii")
        head = (
            f"POST /v1/payment_intents HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {basic}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        before = cpu_s(process.pid)
        run.load.drive(port, [head.encode() + BODY] * CREATES)
        return (cpu_s(process.pid) - before) / CREATES
    finally:
        stop(process)

"""What one run of the bench has at hand: how many rounds, the load, the floors, a PostgreSQL, a place for files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import databases
from bench.figures import Findings
from bench.floors import FloorBench, Floors, bare_web
from bench.load import Load, load
from bench.product import Place, Product, settle_in
from wxbackend.simulators.credentials import Credentials, ensure


@dataclass(slots=True)
class Run:
    """See the module."""

    quick: bool
    rounds: int
    folder: Path
    load: Load
    floors: FloorBench
    credentials: Credentials
    tell: Callable[[str], None]
    findings: Findings
    _open: ExitStack
    _server: str | None = field(default=None)

    def postgresql(self) -> str:
        """The URL of the run's PostgreSQL, started when it is first needed."""
        if self._server is None:
            self.tell("starting PostgreSQL")
            self._server = self._open.enter_context(databases.server())
        return self._server

    @contextmanager
    def place(self, name: str, *, postgresql: bool) -> Iterator[Place]:
        """A new place for a product."""
        folder = self.folder / name
        # The keys are the same everywhere: making them takes seconds.
        shutil.copytree(self.credentials.directory, folder / "wechat")
        if not postgresql:
            yield settle_in(folder)
            return
        with databases.database(self.postgresql()) as url:
            yield settle_in(folder, url)

    def measured_floors(self, product: Product) -> Floors:
        """The floors of a round, kept for the table."""
        found, database = self.floors.measure(product), product.place.database
        findings = self.findings
        findings.floor("S  RSA-2048 signature", found.sign)
        findings.floor("V  verification", found.verify)
        findings.floor("U  urllib3 POST", found.post_out)
        findings.floor(f"C  durable commit, {database}", found.commit)
        findings.floor("B  bare Flask POST", found.bare_post)
        findings.floor("G  bare Flask GET", found.bare_get)
        return found


@contextmanager
def run(*, quick: bool, rounds: int, tell: Callable[[str], None]) -> Iterator[Run]:
    """Everything that a run needs, taken down afterwards."""
    with ExitStack() as open_things:
        folder = Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="wxbackend-bench-")))
        tell("making keys, starting the load and the bare application")
        credentials = ensure(folder / "keys")
        driver = open_things.enter_context(load())
        bare, port = open_things.enter_context(bare_web(folder))
        floors = FloorBench(driver, bare, port, credentials.wechatpay_private_key)
        yield Run(quick, rounds, folder, driver, floors, credentials, tell, Findings(), open_things)

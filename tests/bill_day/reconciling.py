"""Reconcile a day on paper through the real flows, and say what was found, how long it took and how much memory."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, Final, TypeVar, cast

from tests.bill_day.paper import DAY, Paper
from tests.support.objects import ACCOUNT, APP, MERCHANT, METHOD, NOW_MS, PAYER, an_intent
from wxbackend.domain import ids
from wxbackend.domain.bill import BillKind
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Observation, Paid, RefundProcessing, Uncertain
from wxbackend.flows.bill_days import DAY_MS
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.flows.plan_bills import plan_bill
from wxbackend.flows.reconcile_bill import Report, reconcile_bill
from wxbackend.metrics.prometheus import open_counting
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.bills import BillOffer
from wxbackend.ports.store import Page, Store, Unit
from wxbackend.providers import wechat_bills

T = TypeVar("T")
OWNER: Final = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)


class PaperProvider:
    """A provider that hands over the paper, and knows what became of the orders that we know as open."""

    name = "wechat_v3"
    merchant = MERCHANT
    covers = ("wechat_v3", "wechat_v2")

    def __init__(self, paper: Paper) -> None:
        self._paper = paper

    def bill(self, _kind: BillKind, _day: str) -> Callable[[], BillOffer]:
        """The paper."""
        return lambda: BillOffer("0" * 40, "")

    def bill_file(self, _offer: BillOffer) -> Path:
        """The paper."""
        return self._paper.path

    def read_bill(self, kind: BillKind, file: BinaryIO) -> Iterator[list[Any]]:
        """As the adapter does."""
        return wechat_bills.READERS[kind](file)

    def query(self, attempt: Any) -> Callable[[], Observation]:
        """Paid, or no usable answer."""
        amount = self._paper.truths.get(attempt.out_trade_no)
        if amount is None:
            return lambda: Uncertain("on paper")
        transaction = f"4200002026{int(attempt.out_trade_no) - 10**18:018d}"
        return lambda: Paid(transaction, amount, "CNY", PAYER, APP, MERCHANT, NOW_MS)

    def query_refund(self, refund: Any) -> Callable[[], Any]:
        """Nothing new."""
        return lambda: RefundProcessing(refund.handle) if refund.state.value != "closed" else Uncertain("on paper")

    def of(self, *_: str) -> PaperProvider:
        """The one there is."""
        return self

    def bill_sources(self) -> Iterable[PaperProvider]:
        """The same."""
        return (self,)


class PaperTransport:
    """Asks in memory and opens files."""

    def send(self, exchange: Callable[[], T]) -> T:
        """Ask."""
        return exchange()

    def fetch(self, path: Path) -> BinaryIO:
        """Open."""
        return path.open("rb")


class NextMorning:
    """The morning after the day."""

    def __init__(self) -> None:
        self._made = 0

    def now_ms(self) -> int:
        """Always later by a moment, as no two looks begin at the same."""
        self._made += 1
        return NOW_MS + DAY_MS + self._made // 100

    def new_id(self) -> int:
        """The next number."""
        self._made += 1
        return ids.compose(NOW_MS + DAY_MS, node=1, sequence=0) + self._made


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a look found, and what it cost."""

    report: Report
    found: dict[str, set[str]]
    mended: set[str]
    fees: int
    seconds: float
    parsing_s: float
    csv_s: float
    grown_kib: int
    """How much more memory the process held at the most than before."""


def reconcile(paper: Paper, store: Store) -> Outcome:
    """Look at the paper once."""
    deps = dependencies(paper, store)
    keep_intents(paper, store)
    csv_s, parsing_s = reading_with_csv(paper.path), reading_with_ours(paper.path)
    before_kib = reset_peak()
    begun = time.perf_counter()
    bill = plan_bill(deps, cast("Any", PaperProvider(paper)), BillKind.PAYMENTS, DAY)
    report = reconcile_bill(deps, bill.id)
    seconds = time.perf_counter() - begun
    grown_kib = peak_kib() - before_kib
    page = Page(limit=1_000_000)
    found: dict[str, set[str]] = {}
    mended: set[str] = set()
    for kept in store.read(lambda unit: unit.discrepancies.page(ACCOUNT, livemode=False, page=page)):
        if kept.state.value == "open":
            found.setdefault(kept.found.kind.value, set()).add(kept.found.transaction)
        else:
            mended.add(kept.found.transaction)
    fees = store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=False)).get(("fees", "CNY"), 0)
    return Outcome(report, found, mended, fees, seconds, parsing_s, csv_s, grown_kib)


def dependencies(paper: Paper, store: Store) -> Dependencies:
    """The real flows, with the paper for a provider."""
    nothing: Any = None
    accounts = SimpleNamespace(endpoints=lambda *_, **__: (), app=lambda _appid: None, owner_of=lambda *_: OWNER)
    return Dependencies(
        store=store,
        transport=cast("Any", PaperTransport()),
        providers=cast("Any", PaperProvider(paper)),
        accounts=cast("Any", accounts),
        identity=nothing,
        coordination=nothing,
        courier=nothing,
        surroundings=cast("Any", NextMorning()),
        counting=open_counting(None),
        policy=Policy(),
    )


def keep_intents(paper: Paper, store: Store) -> None:
    """The intents of the orders that we ask about."""
    for order, amount in paper.open_orders.items():
        number = int(order) - 10**18
        intent = an_intent(
            2 * 10**12 + number,
            money=Money(amount, "CNY"),
            status=IntentStatus.REQUIRES_ACTION,
            attempt_id=10**12 + number,
            payment_method=METHOD,
        )
        store.write(partial(_insert, intent=intent))


def _insert(unit: Unit, *, intent: PaymentIntent) -> None:
    unit.intents.insert(intent)


def reading_with_csv(path: Path) -> float:
    """Seconds of the processor that the csv module needs to read the file, its rows thrown away."""
    begun = time.process_time()
    with path.open(encoding="utf-8-sig", newline="") as file:
        for _ in csv.reader(file):
            pass
    return time.process_time() - begun


def reading_with_ours(path: Path) -> float:
    """The same with our reader, which also reads the amounts and checks the sums."""
    begun = time.process_time()
    with path.open("rb") as file:
        for _ in wechat_bills.read_payments(file):
            pass
    return time.process_time() - begun


def reset_peak() -> int:
    """Forget how much memory the process ever held; what it holds now, in KiB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_kib()


def peak_kib() -> int:
    """The most memory that the process held since."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])

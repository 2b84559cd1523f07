"""Payment codes when everybody acts at once: whatever is lost or overtaken, the till and WeChat agree to the fen.

Tills and workers run as threads that stop before and after every call; hypothesis chooses who goes on, and what is
lost. The flows and the store are the real ones, and beside them stands a small WeChat with its own truth.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.test_settling import NUMBERS, dependencies
from tests.support.objects import ACCOUNT, APP, MERCHANT, NOW_MS, an_intent
from wxbackend.domain import lifecycle
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import ProviderUnknown, Rejected
from wxbackend.domain.intent import IntentStatus, PaymentMethod
from wxbackend.domain.observation import Absent, Closed, Declined, Observation, Paid, Pending
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.domain.terminal import AppKind, Terminal
from wxbackend.flows import settle
from wxbackend.flows.cancel_intent import Cancel, cancel_intent
from wxbackend.flows.confirm_intent import Confirm, confirm_intent
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.reconcile_intent import claim_looks, reconcile_intent
from wxbackend.ports.accounts import Actor, App, KeyKind
from wxbackend.store.migrate import migrate
from wxbackend.store.unit import PostgresqlStore, SqliteStore, open_store

EXAMPLES: Final = 25
MOVES_MAX: Final = 24
ROUNDS_MAX: Final = 40
STEP_S_MAX: Final = 20
TIME_MS: Final = 8_000
CALL_MS_MAX: Final = 24_000
"""The two longest calls in a row end well before an order that is not there is believed never to come."""
JOBS: Final = ("work", "cancel", "same", "other")
SHOP: Final = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)
METHOD: Final = PaymentMethod(id=1, type="wechat_pay", created_ms=NOW_MS, terminal=Terminal.SCAN_CODE)
CODES: Final = {"same": PaymentCode("130000000000000001"), "other": PaymentCode("130000000000000002")}
OURS: Final = App(APP, AppKind.OFFICIAL_ACCOUNT, ACCOUNT, False, "wechat_v3", MERCHANT, "secret")


class Hand(threading.Thread):
    """Somebody who acts, and stops before and after every call until told to go on."""

    def __init__(self, job: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._job = job
        self._go, self._here = threading.Semaphore(0), threading.Semaphore(0)
        self._lost = False
        self.failure: BaseException | None = None
        self.done = False
        self.start()

    def run(self) -> None:
        """Act."""
        self._go.acquire()
        try:
            with suppress(Rejected):
                self._job()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.failure = error
        self.done = True
        self._here.release()

    def stop_here(self) -> None:
        """Wait to be told to go on; or hear that the call was lost."""
        self._here.release()
        self._go.acquire()
        if self._lost:
            raise ProviderUnknown("lost")

    def step(self, *, lost: bool = False) -> None:
        """Go on to the next stop."""
        self._lost = lost
        self._go.release()
        assert self._here.acquire(timeout=STEP_S_MAX), "somebody hangs"
        if self.failure is not None:
            raise self.failure


@dataclass
class World:
    """A small WeChat, its transport and the clock. `pins` says of each order in turn whether the PIN is needed."""

    pins: list[bool]
    recalls: int
    refuses: bool

    def __post_init__(self) -> None:
        self.name, self.merchant, self.currencies = "wechat_v3", MERCHANT, frozenset({"CNY"})
        self.orders: dict[str, str] = {}
        self.now = NOW_MS
        self.begun: dict[Hand, int] = {}

    def of(self, _name: str, _merchant: str) -> Any:
        return self

    def charging_codes(self, _merchant: str) -> Any:
        return self

    def now_ms(self) -> int:
        return self.now

    def new_id(self) -> int:
        return next(NUMBERS)

    def charge_code(self, attempt: Attempt, _code: PaymentCode) -> Any:
        return lambda: self.charged(attempt)

    def query(self, attempt: Attempt) -> Any:
        return lambda: self.told(attempt)

    def reverse(self, attempt: Attempt) -> Any:
        return lambda: self.reversed(attempt)

    def send(self, call: Callable[[], Observation]) -> Observation:
        """The call travels there and back, and either way may be long or lost."""
        hand = threading.current_thread()
        assert isinstance(hand, Hand)
        self.begun[hand] = self.now
        try:
            hand.stop_here()
            said = call()
            hand.stop_here()
        finally:
            del self.begun[hand]
        return said

    def time_passes(self) -> None:
        """Unless a call would last longer than any may."""
        if all(self.now + TIME_MS <= begun + CALL_MS_MAX for begun in self.begun.values()):
            self.now += TIME_MS

    def charged(self, attempt: Attempt) -> Observation:
        """Charge a code, which is good once."""
        assert attempt.out_trade_no not in self.orders, "a code is charged once"
        self.orders[attempt.out_trade_no] = "USERPAYING" if self.pins.pop() else "SUCCESS"
        return self.told(attempt)

    def told(self, attempt: Attempt) -> Observation:
        """What an order is."""
        number, money = attempt.out_trade_no, attempt.money
        state = self.orders.get(number)
        if state == "SUCCESS":
            return Paid(f"42{number}", money.amount, money.currency, "oAnybody", APP, MERCHANT, self.now)
        known: dict[str | None, Observation] = {None: Absent(), "USERPAYING": Pending("USERPAYING")}
        return known.get(state, Closed(state or ""))

    def reversed(self, attempt: Attempt) -> Observation:
        """Reverse an order now, later, or never."""
        number = attempt.out_trade_no
        if number not in self.orders:
            return Absent()
        if self.refuses and self.orders[number] == "SUCCESS":
            return Declined("reversal_refused", "no", "no")
        if self.recalls:
            self.recalls -= 1
            return Pending("recall")
        self.orders[number] = "REVOKED"
        return Closed("REVOKED")


class Story:
    """One intent and everybody around it."""

    def __init__(self, store: SqliteStore | PostgresqlStore, world: World) -> None:
        self.world = world
        self.hands: list[Hand] = []
        accounts = SimpleNamespace(
            endpoints=lambda *_, **__: (),
            app=lambda _appid: None,
            apps=lambda *_, **__: (OURS,),
            default_description=lambda _: "Tea",
        )
        base = dependencies(cast("Any", SimpleNamespace(store=store)))
        ports: dict[str, Any] = dict.fromkeys(("transport", "providers", "surroundings"), world)
        self.deps: Dependencies = replace(base, accounts=cast("Any", accounts), **ports)
        self.number = next(NUMBERS)
        intent = an_intent(self.number, created_ms=NOW_MS)
        store.write(lambda unit: settle.begin(unit, self.deps, lifecycle.create(intent)))

    def begin(self, job: str) -> None:
        """Somebody begins to act, up to the first call."""
        jobs: dict[str, Callable[[], object]] = {
            "work": self.work,
            "cancel": lambda: cancel_intent(self.deps, SHOP, self.number, Cancel()),
        }
        for name, code in CODES.items():
            command = Confirm(method=METHOD, code=code)
            jobs[name] = lambda told=command: confirm_intent(self.deps, SHOP, self.number, told)  # type: ignore[misc]
        hand = Hand(lambda: cast("None", jobs[job]()))
        self.hands.append(hand)
        self.step(hand)

    def work(self) -> None:
        """Every look that is due, as one of several workers."""
        for poll in claim_looks(self.deps, at_most=9):
            reconcile_intent(self.deps, poll)

    def step(self, hand: Hand, *, lost: bool = False) -> None:
        """Somebody goes on to the next call."""
        hand.step(lost=lost)
        if hand.done:
            self.hands.remove(hand)

    def buyer(self, state: str) -> None:
        """The buyer answers every question for a PIN."""
        self.world.orders |= dict.fromkeys(self.asking(), state)

    def asking(self) -> list[str]:
        return [number for number, state in self.world.orders.items() if state == "USERPAYING"]

    def come_to_rest(self) -> None:
        """Nothing is lost any more, and nobody but the worker begins anything."""
        for _ in range(ROUNDS_MAX):
            while self.hands:
                self.step(self.hands[0])
            if self.deps.store.read(lambda unit: unit.attempts.unresolved(self.number)) is None:
                return
            self.world.now += 20_000
            self.begin("work")

    def check(self) -> None:
        """The till and WeChat tell the same story."""
        read = self.deps.store.read
        intent = read(lambda unit: unit.intents.find(self.number))
        assert intent is not None
        assert self.asking() == []
        assert read(lambda unit: unit.attempts.unresolved(self.number)) is None
        assert intent.status is not IntentStatus.REQUIRES_ACTION
        taken = [number for number, state in self.world.orders.items() if state == "SUCCESS"]
        refunds = self.deps.store.write(lambda unit: unit.refunds.claim(now_ms=self.world.now, lease_ms=1, limit=99))
        sold = intent.status is IntentStatus.SUCCEEDED
        assert len(taken) == sold + len(refunds), (self.world.orders, intent.status, len(refunds))
        if sold:
            attempt = read(lambda unit: unit.attempts.find(intent.attempt_id or 0))
            assert attempt is not None
            assert attempt.out_trade_no in taken


def happen(story: Story, data: st.DataObject) -> None:
    """The scan, whatever happens then, and the end."""
    story.begin("same")
    if data.draw(st.booleans()):  # from here on a reversal may be sent
        while story.hands:
            story.step(story.hands[0])
        story.world.now += 2 * TIME_MS
    for _ in range(data.draw(st.integers(1, MOVES_MAX))):
        what = data.draw(st.sampled_from(["go on", "go on", "go on", "lose", "time", "time", "pin", "refuse", *JOBS]))
        if what in ("go on", "lose") and story.hands:
            hand = data.draw(st.sampled_from(range(len(story.hands))))
            story.step(story.hands[hand], lost=what == "lose")
        elif what == "time":
            story.world.time_passes()
        elif what in ("pin", "refuse"):
            story.buyer({"pin": "SUCCESS", "refuse": "PAYERROR"}[what])
        elif what in JOBS and len(story.hands) < 3:
            story.begin(what)
    story.come_to_rest()
    story.check()


def test_whoever_acts_meanwhile_and_whatever_is_lost_the_till_and_wechat_agree(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    migrate(f"sqlite:///{empty}")

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        data=st.data(),
        pins=st.lists(st.booleans(), min_size=MOVES_MAX, max_size=MOVES_MAX),
        recalls=st.integers(0, 3),
        refuses=st.booleans(),
    )
    def tell(data: st.DataObject, pins: list[bool], recalls: int, refuses: bool) -> None:
        place = Path(shutil.copy(empty, tmp_path / f"{next(NUMBERS)}.db"))
        store = open_store(f"sqlite:///{place}")
        try:
            happen(Story(store, World(pins, recalls, refuses)), data)
        finally:
            store.close()
            place.unlink()

    tell()

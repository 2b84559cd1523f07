"""The simulated WeChat with its bills, a database, and our flows between them, in one process and at any day."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, cast

from tests.support.objects import ACCOUNT, METHOD, an_intent
from tests.support.wechat_side import WechatSide
from wxbackend.domain import ids, lifecycle
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.bill import Bill, BillKind
from wxbackend.domain.discrepancy import KeptDiscrepancy
from wxbackend.domain.event import EventType
from wxbackend.domain.observation import Observation
from wxbackend.domain.refund import Refund
from wxbackend.flows import settle
from wxbackend.flows.bill_days import DAY_MS, latest_ready
from wxbackend.flows.create_refund import CreateRefund, create_refund
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.flows.plan_bills import plan_bill
from wxbackend.flows.reconcile_bill import Report, reconcile_bill
from wxbackend.metrics.prometheus import open_counting
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.bills import BillSource
from wxbackend.ports.store import Page, Store

OWNER: Final = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)


class Timed:
    """Surroundings whose identifiers are those of the product; signatures go by the real clock instead."""

    def __init__(self, side: WechatSide) -> None:
        self._side = side
        self.ahead_ms = 0
        self._sequence = itertools.count()

    def now_ms(self) -> int:
        """The moment."""
        return self._side.surroundings.now_ms() + self.ahead_ms

    def new_id(self) -> int:
        """A number of that moment."""
        return ids.compose(self.now_ms(), next(self._sequence) >> 12 & 1023, next(self._sequence) & 4095)

    def nonce(self) -> str:
        """32 letters and digits."""
        return self._side.surroundings.nonce()

    def token(self) -> str:
        """The same."""
        return self._side.surroundings.token()

    def wait(self, seconds: float) -> None:
        """Nobody waits here."""


class Registered:
    """The one merchant's number."""

    def __init__(self, side: WechatSide) -> None:
        self._provider = side.provider

    def of(self, name: str, merchant: str) -> Any:
        """The adapter."""
        return self._provider if (name, merchant) == (self._provider.name, self._provider.merchant) else None

    def charging_codes(self, merchant: str) -> Any:
        """The same adapter."""
        return self.of(self._provider.name, merchant)

    def mandates_of(self, name: str, merchant: str) -> Any:
        """Nobody signed anything."""
        return None

    def certificate_sources(self) -> Iterable[Any]:
        """None is needed."""
        return ()

    def bill_sources(self) -> Iterable[Any]:
        """The same adapter."""
        return (self._provider,)


@dataclass(slots=True)
class BillSide:
    """What tests of bills need."""

    side: WechatSide
    deps: Dependencies

    def order(self, **changes: Any) -> Attempt:
        """An order that is open at WeChat and here."""
        number = self.deps.surroundings.new_id()
        attempt = self.side.attempt(id=number + 1, intent_id=number, **changes)
        intent = an_intent(number, payment_method=METHOD, money=attempt.money)
        self.deps.store.write(
            lambda unit: settle.start(unit, self.deps, lifecycle.start_attempt(intent, attempt), was=None)
        )
        self.hear(attempt, self.side.open(attempt))
        return attempt

    def hear(self, attempt: Attempt, said: Observation) -> None:
        """Settle an observation."""
        self.deps.store.write(lambda unit: settle.settle(unit, self.deps, attempt.id, said))

    def paid(self, *, told: bool = True, **changes: Any) -> Attempt:
        """An order that the buyer paid; we are `told` or not."""
        attempt = self.order(**changes)
        self.side.pay(attempt)
        if told:
            self.hear(attempt, self.side.send(self.side.provider.query(attempt)))
        return attempt

    def refunded(self, attempt: Attempt, amount: int, *, told: bool = True) -> Refund:
        """A refund that succeeded at WeChat; we are `told` or not."""
        refund = create_refund(self.deps, OWNER, CreateRefund(attempt.intent_id, amount))
        self.side.desk("POST", f"/refunds/{refund.out_refund_no}/settle", {"outcome": "SUCCESS"})
        if told:
            from wxbackend.flows.settle_refund import settle_refund

            said = self.side.transport.send(self.side.provider.query_refund(refund))
            self.deps.store.write(lambda unit: settle_refund(unit, self.deps, refund.id, said))
        return refund

    def next_day(self) -> str:
        """It is eleven in the morning of the next day, on both sides; the day that has just become a bill."""
        now_ms = self.deps.surroundings.now_ms()
        today_ms = now_ms - (now_ms + 8 * 3_600_000) % DAY_MS
        ahead_ms = today_ms + DAY_MS + 11 * 3_600_000 - now_ms
        cast("Timed", self.deps.surroundings).ahead_ms += ahead_ms
        self.side.desk("POST", "/clock", {"advance_s": ahead_ms / 1000, "wait_s": 0})
        return latest_ready(self.deps.surroundings.now_ms()).isoformat()

    def spoil(self, day: str, **wish: Any) -> None:
        """Let the day's bills be wrong."""
        self.side.desk("POST", f"/bills/{day}/mischief", wish)

    def look(self, day: str, kind: BillKind = BillKind.PAYMENTS, deps: Dependencies | None = None) -> Report:
        """Reconcile one bill."""
        deps = deps or self.deps
        return reconcile_bill(deps, self.bill(day, kind).id)

    def bill(self, day: str, kind: BillKind = BillKind.PAYMENTS) -> Bill:
        """As it stands."""
        return plan_bill(self.deps, cast("BillSource", self.side.provider), kind, day)

    def found(self) -> list[KeptDiscrepancy]:
        """Every discrepancy, oldest first."""
        page = Page(limit=100_000)
        kept = self.deps.store.read(lambda unit: unit.discrepancies.page(ACCOUNT, livemode=False, page=page))
        return list(reversed(kept))

    def kinds(self) -> list[tuple[str, str]]:
        """Their kinds and states."""
        return sorted((each.found.kind.value, each.state.value) for each in self.found())

    def balance(self, name: str, currency: str = "CNY") -> int:
        """Of one account of the journal, in minor units."""
        return self.deps.store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=False)).get((name, currency), 0)

    def events(self, kind: str) -> int:
        """How many of a type there are."""
        page = Page(limit=100_000)
        kept = self.deps.store.read(
            lambda unit: unit.events.page(ACCOUNT, livemode=False, page=page, types=(EventType(kind),))
        )
        return len(kept)


def dependencies(side: WechatSide, store: Store) -> Dependencies:
    """Our flows over a database, with the other side as the provider."""
    nothing: Any = None
    accounts = SimpleNamespace(endpoints=lambda *_, **__: (), app=lambda _appid: None, owner_of=lambda *_: OWNER)
    return Dependencies(
        store=store,
        transport=side.transport,
        providers=Registered(side),
        accounts=cast("Any", accounts),
        identity=nothing,
        coordination=nothing,
        courier=nothing,
        surroundings=Timed(side),
        counting=open_counting(None),
        policy=Policy(),
    )


def bill_side(side: WechatSide, store: Store) -> BillSide:
    """All of it, on an other side that has forgotten everything but its keys."""
    side.desk("POST", "/reset")
    side.desk("POST", "/refunds/rules", {"settle_after_s": None, "min_spacing_s": 0})
    return BillSide(side, dependencies(side, store))

"""A merchant on a real database in front of the simulated WeChat Pay, all in this process.

Time moves when it is told to, for the merchant's plans and for WeChat's; signatures keep the real time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, BinaryIO, Final, cast

from tests.support.objects import ACCOUNT, METHOD, an_intent
from tests.support.wechat_side import WechatSide
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.refund import Refund
from wxbackend.flows import settle
from wxbackend.flows.create_refund import CreateRefund, create_refund
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.flows.reconcile_refund import claim_refund_looks, reconcile_refund
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.bills import Download
from wxbackend.ports.provider import Exchange
from wxbackend.ports.store import Page, Store, Unit

MERCHANTS: Final = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)
ROUNDS_MAX: Final = 100


class MovedClock:
    """The real clock set ahead, and the numbers of the side, which both of a pair of shops may use."""

    def __init__(self, side: WechatSide) -> None:
        self._side = side
        self.ahead_ms = 0
        self.new_id = side.surroundings.new_id
        self.nonce = side.surroundings.nonce
        self.token = side.surroundings.token
        self.wait = side.surroundings.wait

    def now_ms(self) -> int:
        """Unix time in milliseconds, set ahead."""
        return self._side.surroundings.now_ms() + self.ahead_ms


class Wiretap:
    """The transport, and what WeChat answered to every call; `before` and `after` may raise, as a death does."""

    def __init__(self, side: WechatSide) -> None:
        self._side = side
        self.purposes: list[str] = []
        self.statuses: list[int] = []
        self.before: Callable[[str], None] | None = None
        self.after: Callable[[str], None] | None = None

    def send(self, exchange: Exchange[Any]) -> Any:
        """Send it and note it."""
        if self.before is not None:
            self.before(exchange.purpose)

        def read(reply: Any) -> Any:
            self.statuses.append(reply.status)
            return exchange.read(reply)

        self.purposes.append(exchange.purpose)
        said = self._side.transport.send(replace(exchange, read=read))
        if self.after is not None:
            self.after(exchange.purpose)
        return said

    def fetch(self, download: Download) -> BinaryIO:
        """Fetch it and note it."""
        self.purposes.append(download.purpose)
        return self._side.transport.fetch(download)


class Shop:
    """The merchant: its database, its calls to WeChat, its worker."""

    def __init__(self, store: Store, side: WechatSide, **policy: Any) -> None:
        nothing: Any = None
        self.side = side
        self.clock = MovedClock(side)
        self.wire = Wiretap(side)
        self.deps = Dependencies(
            store=store,
            transport=self.wire,
            providers=cast("Any", SimpleNamespace(of=lambda *_: side.provider)),
            accounts=cast("Any", SimpleNamespace(endpoints=lambda *_, **__: (), app=lambda _appid: None)),
            identity=nothing,
            coordination=nothing,
            courier=nothing,
            surroundings=self.clock,
            counting=nothing,
            policy=Policy(**policy),
        )

    def sale(self) -> int:
        """The number of an intent of 20.00 CNY that the default buyer has paid."""
        number, attempt_id = self.side.surroundings.new_id(), self.side.surroundings.new_id()
        attempt = self.side.attempt(id=attempt_id, intent_id=number, state=AttemptState.OPEN)
        self.side.open(attempt)
        self.side.pay(attempt)
        paid = self.side.send(self.side.provider.query(attempt))
        status, method = IntentStatus.REQUIRES_ACTION, replace(METHOD, openid=attempt.payer)
        intent = an_intent(number, status=status, attempt_id=attempt_id, payment_method=method)

        def work(unit: Unit) -> None:
            unit.intents.insert(intent)
            unit.attempts.insert(attempt)

        self.deps.store.write(work)
        step = self.deps.store.write(lambda unit: settle.settle(unit, self.deps, attempt_id, paid))
        assert step.intent.status is IntentStatus.SUCCEEDED
        return number

    def refund(self, intent_id: int, amount: int | None = None) -> Refund:
        """A refund, as the API makes one."""
        return create_refund(self.deps, MERCHANTS, CreateRefund(intent_id, amount))

    def work(self) -> None:
        """The worker's looks, until none is due."""
        for _ in range(ROUNDS_MAX):
            polls = claim_refund_looks(self.deps, at_most=50)
            for poll in polls:
                reconcile_refund(self.deps, poll)
            if not polls:
                return
        raise AssertionError("there is always another look due")

    def pass_time(self, seconds: int) -> None:
        """Here and at WeChat."""
        self.clock.ahead_ms += seconds * 1000
        self.side.desk("POST", "/clock", {"advance_s": seconds, "wait_s": 0})

    def now(self, refund: Refund) -> Refund:
        """The refund as it stands."""
        found = self.deps.store.read(lambda unit: unit.refunds.find(refund.id))
        assert found is not None
        return found

    def refunds(self, intent_id: int) -> list[Refund]:
        """All of a payment, oldest first."""
        found = self.deps.store.read(
            lambda unit: unit.refunds.page(ACCOUNT, livemode=False, page=Page(limit=99), intent_id=intent_id)
        )
        return list(reversed(found))

    def at_wechat(self, intent_id: int) -> dict[str, tuple[str, int]]:
        """Status and fen of every refund that WeChat has of a payment, by our numbers."""
        (refund, *_) = self.refunds(intent_id)
        attempt = self.deps.store.read(lambda unit: unit.attempts.find(refund.attempt_id))
        assert attempt is not None
        rows = self.side.desk("GET", f"/refunds?out_trade_no={attempt.out_trade_no}")["refunds"]
        return {row["out_refund_no"]: (row["status"], row["amount"]["refund"]) for row in rows}

    def balances(self) -> dict[str, int]:
        """Debits less credits of every account of the journal."""
        found = self.deps.store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=False))
        return {name: amount for (name, _), amount in found.items()}

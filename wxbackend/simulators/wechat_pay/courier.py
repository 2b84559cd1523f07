"""Carries notices on WeChat's schedule in virtual time; a slow receiver holds up nobody but itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from wxbackend.simulators.clock import Clock, real_now, rfc3339
from wxbackend.simulators.mischief import Mischief
from wxbackend.simulators.wechat_pay.certificates import PlatformKeys
from wxbackend.simulators.wechat_pay.delivery import Reply, Sender
from wxbackend.simulators.wechat_pay.notices import (
    RETRY_AFTER_S,
    Disguise,
    Notice,
    notice_headers,
    signature_headers,
    tampered,
    xml_headers,
)
from wxbackend.simulators.wechat_pay.v2.xml import BadXmlError, parse

POOL_THREADS = 64
COPIES_MAX = 64
IDLE_WAIT_S = 0.5
ATTEMPTS_MAX = 1 + len(RETRY_AFTER_S)
WAITING, HELD, DELIVERED, GIVEN_UP = "waiting", "held", "delivered", "given_up"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one attempt shall be: its disguise, its tampering, how many copies, and whether it happens at all."""

    disguise: Disguise = field(default_factory=Disguise)
    tamper: bool = False
    lose: bool = False
    copies: int = 1
    at_once: bool = False

    def names(self) -> list[str]:
        """The mischief in words, for the log."""
        flags = {
            "lose": self.lose,
            "tamper": self.tamper,
            "probe": self.disguise.probe,
            "unknown_serial": self.disguise.unknown_serial,
            "stale_s": self.disguise.timestamp_offset_s != 0,
            "concurrently": self.copies > 1 and self.at_once,
            "duplicate": self.copies > 1 and not self.at_once,
        }
        return [name for name, on in flags.items() if on]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt as it is remembered."""

    notice_id: str
    attempt: int
    at: float
    virtual_at: float
    serial: str | None
    mischief: tuple[str, ...]
    reply: Reply


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notice and where it stands; `due_at` is virtual, None while nothing is planned."""

    notice: Notice
    state: str
    due_at: float | None
    attempts: int = 0
    deliveries: tuple[Delivery, ...] = field(default=())


class Courier:
    """Threads that deliver due notices. Nothing is sent before `start`."""

    def __init__(self, clock: Clock, mischief: Mischief, keys: PlatformKeys) -> None:
        self._clock = clock
        self._mischief = mischief
        self._keys = keys
        self._sender = Sender()
        self._wake = threading.Condition()
        self._parcels: dict[str, Parcel] = {}
        self._planned: dict[str, float] = {}
        self._busy: dict[str, int] = {}
        self._generation = 0
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Start delivering; a second call changes nothing."""
        with self._wake:
            if self._thread is not None:
                return
            self._stopping = False
            self._pool = ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="notice")
            self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop delivering and wait for what is on its way."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
            thread, pool = self._thread, self._pool
            self._thread = self._pool = None
        if thread is not None and pool is not None:
            thread.join()
            pool.shutdown(wait=True, cancel_futures=True)
        self._sender.close()

    def reset(self) -> None:
        """Forget every notice; what is on its way is not recorded any more."""
        with self._wake:
            self._generation += 1
            self._parcels.clear()
            self._planned.clear()
            self._busy.clear()
            self._wake.notify_all()

    def announce(self, notice: Notice) -> None:
        """Take a notice in; its first attempt is due at once unless mischief delays or holds it."""
        hold = self._mischief.take_notice("hold")
        delay = None if hold else self._mischief.take_notice("delay_s")
        due_at = self._clock.now() + (delay.amount if delay else 0)
        with self._wake:
            self._put(Parcel(notice, HELD if hold else WAITING, None if hold else due_at))
            self._wake.notify_all()

    def release(self, notice_id: str) -> bool:
        """Let a held notice go; False for one unknown or not held."""
        with self._wake:
            parcel = self._parcels.get(notice_id)
            if parcel is None or parcel.state != HELD:
                return False
            self._put(replace(parcel, state=WAITING, due_at=self._clock.now()))
            self._wake.notify_all()
            return True

    def wake(self) -> None:
        """Look again at what is due, after the clock was moved."""
        with self._wake:
            self._wake.notify_all()

    def wait_quiet(self, timeout_s: float) -> bool:
        """Wait until nothing is due or on its way; whether that came about in time (real seconds)."""
        ends = time.monotonic() + timeout_s
        with self._wake:
            while self._busy or self._due():
                remaining = ends - time.monotonic()
                if remaining <= 0 or self._thread is None:
                    return False
                self._wake.wait(min(remaining, IDLE_WAIT_S))
            return True

    def wait_attempted(self, notice_id: str, timeout_s: float) -> None:
        """Wait until a notice has been tried once, or is held, or the time is over (real seconds)."""
        ends = time.monotonic() + timeout_s
        with self._wake:
            while self._thread is not None and time.monotonic() < ends:
                parcel = self._parcels.get(notice_id)
                if parcel is None or parcel.attempts or parcel.state != WAITING:
                    return
                self._wake.wait(IDLE_WAIT_S)

    def parcels(self) -> list[Parcel]:
        """Every notice, newest first."""
        with self._wake:
            return list(reversed(self._parcels.values()))

    def send_now(self, notice_id: str, *, times: int, concurrently: bool) -> list[Delivery] | None:
        """Send a known notice off the schedule and wait for the answers; None for an unknown one."""
        with self._wake:
            parcel = self._parcels.get(notice_id)
            generation = self._generation
        if parcel is None:
            return None
        plan = Plan(copies=min(times, COPIES_MAX), at_once=concurrently)
        with self._occupied(notice_id, generation):
            sent = self._send(parcel, plan, parcel.attempts)
            self._record(notice_id, generation, sent, on_schedule=False)
        return sent

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._stopping:
                    return
                due = self._due()
                pool = self._pool
                for parcel in due:
                    notice_id = parcel.notice.id
                    self._busy[notice_id] = self._busy.get(notice_id, 0) + 1
                    if pool is not None:
                        pool.submit(self._attempt, parcel, self._generation)
                if not due:
                    self._wake.wait(self._until_next())

    def _put(self, parcel: Parcel) -> None:
        """Keep a parcel; only those still to be sent are looked through when the clock moves."""
        notice_id = parcel.notice.id
        self._parcels[notice_id] = parcel
        self._planned.pop(notice_id, None)
        if parcel.due_at is not None:
            self._planned[notice_id] = parcel.due_at

    def _due(self) -> list[Parcel]:
        now = self._clock.now()
        return [
            self._parcels[notice_id]
            for notice_id, due_at in self._planned.items()
            if due_at <= now and notice_id not in self._busy
        ]

    def _until_next(self) -> float:
        now = self._clock.now()
        planned = [due_at - now for notice_id, due_at in self._planned.items() if notice_id not in self._busy]
        return max(0.0, min([*planned, IDLE_WAIT_S]))

    def _attempt(self, parcel: Parcel, generation: int) -> None:
        notice_id = parcel.notice.id
        try:
            sent = self._send(parcel, self._plan(), parcel.attempts + 1)
            self._record(notice_id, generation, sent, on_schedule=True)
        finally:
            self._release_busy(notice_id, generation)

    def _plan(self) -> Plan:
        take = self._mischief.take_notice
        if take("lose"):
            return Plan(lose=True)
        at_once = take("concurrently")
        copies = at_once or take("duplicate")
        stale = take("stale_s")
        return Plan(
            disguise=Disguise(
                probe=take("probe") is not None,
                unknown_serial=take("unknown_serial") is not None,
                timestamp_offset_s=-int(stale.amount) if stale else 0,
            ),
            tamper=take("tamper") is not None,
            copies=min(max(int(copies.amount), 1), COPIES_MAX) if copies else 1,
            at_once=at_once is not None,
        )

    def _send(self, parcel: Parcel, plan: Plan, attempt: int) -> list[Delivery]:
        if plan.lose:
            return [self._lost(parcel, plan, attempt)]
        if plan.copies == 1 or not plan.at_once:
            return [self._send_one(parcel, plan, attempt) for _ in range(plan.copies)]
        with ThreadPoolExecutor(plan.copies, thread_name_prefix="copies") as crowd:
            sent: list[Future[Delivery]] = [
                crowd.submit(self._send_one, parcel, plan, attempt) for _ in range(plan.copies)
            ]
            return [future.result() for future in sent]

    def _send_one(self, parcel: Parcel, plan: Plan, attempt: int) -> Delivery:
        notice = parcel.notice
        headers: dict[str, str] = {}
        if notice.impostor is None:
            headers = signature_headers(self._keys.for_notice(), notice.body, plan.disguise)
            body = tampered(notice.body) if plan.tamper else notice.body
            named = notice_headers(headers)
        else:
            honest = plan.disguise == Disguise() and not plan.tamper
            body = notice.body if honest else notice.impostor
            named = xml_headers()
        at, virtual_at = real_now(), self._clock.now()
        reply = self._sender.post(notice.url, body, named)
        return Delivery(
            notice_id=notice.id,
            attempt=attempt,
            at=at,
            virtual_at=virtual_at,
            serial=headers.get("Wechatpay-Serial"),
            mischief=tuple(plan.names()),
            reply=reply,
        )

    def _lost(self, parcel: Parcel, plan: Plan, attempt: int) -> Delivery:
        return Delivery(
            notice_id=parcel.notice.id,
            attempt=attempt,
            at=real_now(),
            virtual_at=self._clock.now(),
            serial=None,
            mischief=tuple(plan.names()),
            reply=Reply(None, "Lost", 0, ""),
        )

    def _record(self, notice_id: str, generation: int, sent: list[Delivery], *, on_schedule: bool) -> None:
        with self._wake:
            parcel = self._parcels.get(notice_id)
            if parcel is None or generation != self._generation:
                return
            parcel = replace(parcel, deliveries=parcel.deliveries + tuple(sent))
            # WeChat follows a signature probe by a proper notice whatever the answer to it was.
            told = any(_accepted(parcel.notice, item.reply) and "probe" not in item.mischief for item in sent)
            if told:
                parcel = replace(parcel, state=DELIVERED, due_at=None)
            if on_schedule:
                parcel = replace(parcel, attempts=parcel.attempts + 1)
            if on_schedule and not told and parcel.state == WAITING:
                parcel = _planned_again(parcel)
            self._put(parcel)

    @contextmanager
    def _occupied(self, notice_id: str, generation: int) -> Iterator[None]:
        with self._wake:
            self._busy[notice_id] = self._busy.get(notice_id, 0) + 1
        try:
            yield
        finally:
            self._release_busy(notice_id, generation)

    def _release_busy(self, notice_id: str, generation: int) -> None:
        with self._wake:
            if generation == self._generation and notice_id in self._busy:
                self._busy[notice_id] -= 1
                if not self._busy[notice_id]:
                    del self._busy[notice_id]
            self._wake.notify_all()


def delivery_view(delivery: Delivery) -> dict[str, object]:
    """An attempt as the desk shows it."""
    return {
        "notice_id": delivery.notice_id,
        "attempt": delivery.attempt,
        "at": delivery.at,
        "virtual_at": rfc3339(delivery.virtual_at),
        "serial": delivery.serial,
        "mischief": list(delivery.mischief),
        **delivery.reply.view(),
    }


def parcel_view(parcel: Parcel) -> dict[str, object]:
    """A notice and its attempts as the desk shows them."""
    return {
        "id": parcel.notice.id,
        "event_type": parcel.notice.event_type,
        "out_trade_no": parcel.notice.out_trade_no,
        "out_refund_no": parcel.notice.out_refund_no or None,
        "url": parcel.notice.url,
        "created_at": rfc3339(parcel.notice.created_at),
        "state": parcel.state,
        "attempts": parcel.attempts,
        "next_at": None if parcel.due_at is None else rfc3339(parcel.due_at),
        "deliveries": [delivery_view(delivery) for delivery in parcel.deliveries],
    }


def _accepted(notice: Notice, reply: Reply) -> bool:
    """Whether WeChat counts this as told; by API v2 the answer has to say so in XML."""
    if notice.impostor is None or not reply.accepted:
        return reply.accepted
    try:
        return parse(reply.excerpt.encode()).get("return_code") == "SUCCESS"
    except BadXmlError:
        return False


def _planned_again(parcel: Parcel) -> Parcel:
    """The next attempt counts from when this one was due, so that a moved clock catches up step by step."""
    if parcel.attempts >= ATTEMPTS_MAX or parcel.due_at is None:
        return replace(parcel, state=GIVEN_UP, due_at=None)
    return replace(parcel, due_at=parcel.due_at + RETRY_AFTER_S[parcel.attempts - 1])

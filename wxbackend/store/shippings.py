"""Shippings in the database, and the queue of those that are due to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import bindparam, func, insert, select

from wxbackend.domain.money import Money
from wxbackend.domain.shipping import NOT_TOLD, Logistics, Parcel, Shipping, ShippingState, Telling
from wxbackend.ports.store import Page, Poll
from wxbackend.store import shipping_tables
from wxbackend.store.due_queue import DueQueue
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

_T = shipping_tables.shippings
_QUEUE = DueQueue(shipping_tables.shipping_queue)
_INSERT = Statement(insert(_T))
_FIND = Statement(select(_T).where(_T.c.id == bindparam("shipping_id")))
_OF_INTENT = Statement(select(_T).where(_T.c.intent_id == bindparam("of_intent")))
_FIND_BY_NUMBER = Statement(
    select(_T).where(
        _T.c.provider == bindparam("named_provider"),
        _T.c.merchant == bindparam("named_merchant"),
        _T.c.out_trade_no == bindparam("number"),
    )
)
_IS_LATE = (shipping_tables.NOT_TOLD, _T.c.ship_by_ms < bindparam("before"))
_LATE = Statement(select(_T).where(*_IS_LATE).order_by(_T.c.ship_by_ms, _T.c.id).limit(bindparam("at_most")))
_COUNT_LATE = Statement(select(func.count()).select_from(_T).where(*_IS_LATE))
_CHANGING = (
    "frozen", "state", "telling", "told_ms", "tellings", "failure", "reminded_ms", "settles_ms", "settled_ms",
)  # fmt: skip
_SAVE = Saves(_T, _CHANGING, unlocked="a shipping was changed without its intent's lock")


class Shippings:
    """See `ports.store.Shippings`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, shipping: Shipping) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(shipping))

    def find(self, shipping_id: int) -> Shipping | None:
        """Read one."""
        row = _FIND.first(self._link, {"shipping_id": shipping_id})
        return None if row is None else _shipping_from(row)

    def of_intent(self, intent_id: int) -> Shipping | None:
        """Read the one of an intent."""
        row = _OF_INTENT.first(self._link, {"of_intent": intent_id})
        return None if row is None else _shipping_from(row)

    def find_by_number(self, provider: str, merchant: str, out_trade_no: str) -> Shipping | None:
        """Read one by the order's number."""
        named = {"named_provider": provider, "named_merchant": merchant, "number": out_trade_no}
        row = _FIND_BY_NUMBER.first(self._link, named)
        return None if row is None else _shipping_from(row)

    def save(self, shipping: Shipping, *, was: Shipping | None = None) -> None:
        """Write what changed; its `version` is the one that was read."""
        _SAVE.run(self._link, _row(shipping), None if was is None else _row(was))

    def page(
        self,
        account: str,
        *,
        livemode: bool,
        page: Page,
        states: Sequence[ShippingState] = (),
        ship_before_ms: int | None = None,
    ) -> Sequence[Shipping]:
        """Newest first, one more than asked."""
        query = select(_T).where(_T.c.account == account, _T.c.livemode == livemode)
        if states:
            query = query.where(_T.c.state.in_([state.value for state in states]))
        if ship_before_ms is not None:
            waiting = [state.value for state in NOT_TOLD]
            query = query.where(_T.c.state.in_(waiting), _T.c.ship_by_ms < ship_before_ms)
        return [_shipping_from(row) for row in paged(self._link.core, query, _T, page)]

    def late(self, *, ship_before_ms: int, limit: int) -> Sequence[Shipping]:
        """The most urgent ones."""
        rows = _LATE.all(self._link, {"before": ship_before_ms, "at_most": limit})
        return [_shipping_from(row) for row in rows]

    def count_late(self, *, ship_before_ms: int) -> int:
        """How many."""
        return int(_COUNT_LATE.value(self._link, {"before": ship_before_ms}))

    def schedule(self, shipping_id: int, *, due_ms: int, tries: int) -> None:
        """Plan the next look."""
        _QUEUE.schedule(self._link, shipping_id, due_ms=due_ms, tries=tries)

    def unschedule(self, shipping_id: int) -> None:
        """Plan none."""
        _QUEUE.unschedule(self._link, shipping_id)

    def hurry(self, *, due_ms: int) -> int:
        """Look at all of them by then."""
        return _QUEUE.hurry(self._link, due_ms=due_ms)

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones."""
        return _QUEUE.claim(self._link, now_ms=now_ms, lease_ms=lease_ms, limit=limit)

    def take(self, shipping_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one."""
        return _QUEUE.take(self._link, shipping_id, now_ms=now_ms, lease_ms=lease_ms)


def _row(shipping: Shipping) -> dict[str, Any]:
    return {
        "id": shipping.id,
        "intent_id": shipping.intent_id,
        "attempt_id": shipping.attempt_id,
        "account": shipping.account,
        "livemode": shipping.livemode,
        "app": shipping.app,
        "provider": shipping.provider,
        "merchant": shipping.merchant,
        "transaction_id": shipping.transaction,
        "out_trade_no": shipping.out_trade_no,
        "payer": shipping.payer,
        "amount": shipping.money.amount,
        "currency": shipping.money.currency,
        "frozen": shipping.frozen,
        "paid_ms": shipping.paid_ms,
        "created_ms": shipping.created_ms,
        "ship_by_ms": shipping.ship_by_ms,
        "state": shipping.state.value,
        "telling": None if shipping.telling is None else _telling_text(shipping.telling),
        "told_ms": shipping.told_ms,
        "tellings": shipping.tellings,
        "failure": shipping.failure,
        "reminded_ms": shipping.reminded_ms,
        "settles_ms": shipping.settles_ms,
        "settled_ms": shipping.settled_ms,
        "version": shipping.version,
        "group_id": shipping.group_id,
    }


def _telling_text(telling: Telling) -> str:
    kept = {
        "logistics": telling.logistics.value,
        "split": telling.split,
        "complete": telling.complete,
        "parcels": [asdict(parcel) for parcel in telling.parcels],
    }
    return to_text(kept) or ""


def _telling_from(text: str | None) -> Telling | None:
    kept = from_text(text)
    if kept is None:
        return None
    return Telling(
        logistics=Logistics(kept["logistics"]),
        split=kept["split"],
        complete=kept["complete"],
        parcels=tuple(Parcel(**parcel) for parcel in kept["parcels"]),
    )


def _shipping_from(row: Any) -> Shipping:
    return Shipping(
        id=row.id,
        intent_id=row.intent_id,
        attempt_id=row.attempt_id,
        account=row.account,
        livemode=row.livemode,
        app=row.app,
        provider=row.provider,
        merchant=row.merchant,
        transaction=row.transaction_id,
        out_trade_no=row.out_trade_no,
        payer=row.payer,
        money=Money(row.amount, row.currency),
        frozen=row.frozen,
        paid_ms=row.paid_ms,
        created_ms=row.created_ms,
        ship_by_ms=row.ship_by_ms,
        state=ShippingState(row.state),
        telling=_telling_from(row.telling),
        told_ms=row.told_ms,
        tellings=row.tellings,
        failure=row.failure,
        reminded_ms=row.reminded_ms,
        settles_ms=row.settles_ms,
        settled_ms=row.settled_ms,
        version=row.version,
        group_id=row.group_id,
    )

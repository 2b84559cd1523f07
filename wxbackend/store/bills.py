"""Bills in the database, and our side of their rows: hundreds in one question, each row as small as it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Select, and_, bindparam, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.bill import Bill, BillKind, BillState
from wxbackend.domain.bill_judgement import OurPayment, OurRefund
from wxbackend.domain.discrepancy import MISPLACED
from wxbackend.domain.ledger import TransferKind
from wxbackend.domain.refund import RefundState
from wxbackend.ports.store import Poll
from wxbackend.store import bill_tables, tables
from wxbackend.store.due_queue import DueQueue
from wxbackend.store.links import Link
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

_T = bill_tables.bills
_A, _R, _L, _D = tables.attempts.c, tables.refunds.c, tables.ledger.c, tables.discrepancies.c
_QUEUE = DueQueue(bill_tables.bill_queue)
_INSERT = Statement(
    {
        "sqlite": sqlite_insert(_T).on_conflict_do_nothing().returning(_T.c.id),
        "postgresql": postgresql_insert(_T).on_conflict_do_nothing().returning(_T.c.id),
    }
)
_BY_ID = select(_T).where(_T.c.id == bindparam("bill_id"))
_FIND = Statement(_BY_ID)
_LOCK = Statement(_BY_ID.with_for_update())
_OF_DAY = Statement(
    select(_T).where(
        _T.c.merchant == bindparam("of_merchant"),
        _T.c.day == bindparam("of_day"),
        _T.c.kind == bindparam("of_kind"),
        _T.c.provider == bindparam("of_provider"),
    )
)
_SINCE = Statement(
    select(_T.c.kind, _T.c.day).where(
        _T.c.merchant == bindparam("of_merchant"),
        _T.c.day >= bindparam("from_day"),
        _T.c.provider == bindparam("of_provider"),
    )
)
_FIRST = Statement(
    select(_A.created_ms)
    .where(
        _A.id >= bindparam("since"), _A.provider == bindparam("of_provider"), _A.merchant == bindparam("of_merchant")
    )
    .order_by(_A.id)
    .limit(1)
)
_SAVE = Saves(_T, ("state", "reason", "rows", "digest", "checked_ms"), unlocked="a bill was changed without its lock")
_PAYMENT: Final = select(
    _A.id, _A.intent_id, _A.account, _A.livemode, _A.out_trade_no, _A.transaction_id, _A.amount, _A.currency,
    _A.state, _A.paid_ms, _A.provider,
)  # fmt: skip
_REFUND: Final = select(
    _R.id, _R.intent_id, _R.attempt_id, _R.account, _R.livemode, _R.out_refund_no, _R.handle, _R.amount, _R.currency,
    _R.state, _R.created_ms, _R.succeeded_ms, _R.provider,
)  # fmt: skip
_FEES: Final = (TransferKind.FEE.value, TransferKind.FEE_RETURNED.value)


class Bills:
    """See `ports.store.Bills`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def plan(self, bill: Bill) -> Bill:
        """Keep a new one, or read the one that is there."""
        if _INSERT.all(self._link, _row(bill)):
            return bill
        named = {"of_merchant": bill.merchant, "of_day": bill.day, "of_provider": bill.provider}
        return _bill_from(_OF_DAY.first(self._link, named | {"of_kind": bill.kind.value}))

    def find(self, bill_id: int) -> Bill | None:
        """Read one."""
        row = _FIND.first(self._link, {"bill_id": bill_id})
        return None if row is None else _bill_from(row)

    def lock(self, bill_id: int) -> Bill | None:
        """Read one for changing."""
        row = _LOCK.first(self._link, {"bill_id": bill_id})
        return None if row is None else _bill_from(row)

    def known(self, provider: str, merchant: str, *, since: str) -> frozenset[tuple[BillKind, str]]:
        """By the unique index."""
        told = {"of_provider": provider, "of_merchant": merchant, "from_day": since}
        return frozenset((BillKind(row.kind), row.day) for row in _SINCE.all(self._link, told))

    def save(self, bill: Bill, *, was: Bill) -> None:
        """Write what changed."""
        _SAVE.run(self._link, _row(bill), _row(was))

    def schedule(self, bill_id: int, *, due_ms: int, tries: int) -> None:
        """Plan the next fetch."""
        _QUEUE.schedule(self._link, bill_id, due_ms=due_ms, tries=tries)

    def unschedule(self, bill_id: int) -> None:
        """Plan none."""
        _QUEUE.unschedule(self._link, bill_id)

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones."""
        return _QUEUE.claim(self._link, now_ms=now_ms, lease_ms=lease_ms, limit=limit)

    def first_attempt_ms(self, provider: str, merchant: str, *, since_id: int) -> int | None:
        """In the order of the identifiers, which is that of time."""
        row = _FIRST.first(self._link, {"of_provider": provider, "of_merchant": merchant, "since": since_id})
        return None if row is None else int(row.created_ms)

    def payments(self, providers: Sequence[str], merchant: str, numbers: Sequence[str]) -> Mapping[str, OurPayment]:
        """By our numbers."""
        found = self._all(_PAYMENT.where(*_of_any(_A, providers, merchant), _A.out_trade_no.in_(numbers)))
        return {row.out_trade_no: _payment_from(row) for row in found}

    def payments_by_transaction(
        self, providers: Sequence[str], merchant: str, numbers: Sequence[str]
    ) -> Mapping[str, OurPayment]:
        """By the provider's numbers, with their fees."""
        rows = self._all(_PAYMENT.where(*_of_any(_A, providers, merchant), _A.transaction_id.in_(numbers)))
        fees = self.fees([row.id for row in rows])
        return {row.transaction_id: _payment_from(row, fees.get(row.id)) for row in rows}

    def refunds(self, providers: Sequence[str], merchant: str, numbers: Sequence[str]) -> Mapping[str, OurRefund]:
        """By our numbers."""
        found = self._all(_REFUND.where(*_of_any(_R, providers, merchant), _R.out_refund_no.in_(numbers)))
        return {row.out_refund_no: _refund_from(row) for row in found}

    def fees(self, subject_ids: Sequence[int]) -> Mapping[int, int]:
        """What was booked."""
        query = select(_L.subject_id, _L.kind, _L.amount).where(
            _L.kind.in_(_FEES), _L.subject_id.in_(subject_ids), _L.occasion == 0
        )
        return {row.subject_id: row.amount if row.kind == _FEES[0] else -row.amount for row in self._all(query)}

    def misplaced(self, account: str, transactions: Sequence[str]) -> frozenset[str]:
        """By the unique index of discrepancies."""
        kinds = sorted(kind.value for kind in MISPLACED)
        query = select(_D.transaction_id).where(
            _D.account == account, _D.kind.in_(kinds), _D.transaction_id.in_(transactions)
        )
        return frozenset(row.transaction_id for row in self._all(query))

    def paid_between(
        self, provider: str, merchant: str, *, from_ms: int, until_ms: int, after_id: int, limit: int
    ) -> Sequence[OurPayment]:
        """By the index of what was paid."""
        query = _PAYMENT.where(*_of(_A, provider, merchant), _A.state == AttemptState.PAID.value)
        window = _window(query, _A.paid_ms, _A.id, from_ms=from_ms, until_ms=until_ms, after_id=after_id)
        return [_payment_from(row) for row in self._all(window.limit(limit))]

    def refunded_between(
        self, provider: str, merchant: str, *, from_ms: int, until_ms: int, after_id: int, limit: int
    ) -> Sequence[OurRefund]:
        """By the index of what succeeded."""
        query = _REFUND.where(*_of(_R, provider, merchant), _R.state == RefundState.SUCCEEDED.value)
        window = _window(query, _R.succeeded_ms, _R.id, from_ms=from_ms, until_ms=until_ms, after_id=after_id)
        return [_refund_from(row) for row in self._all(window.limit(limit))]

    def _all(self, query: Select[Any]) -> Sequence[Any]:
        return self._link.core.execute(query).all()


def _of(columns: Any, provider: str, merchant: str) -> tuple[Any, Any]:
    return columns.provider == provider, columns.merchant == merchant


def _of_any(columns: Any, providers: Sequence[str], merchant: str) -> tuple[Any, Any]:
    return columns.provider.in_(providers), columns.merchant == merchant


def _window(
    query: Select[Any], moment: Column[Any], number: Column[Any], *, from_ms: int, until_ms: int, after_id: int
) -> Select[Any]:
    at_first = and_(moment == from_ms, number > after_id)
    bounded = query.where(moment >= from_ms, moment < until_ms, or_(moment > from_ms, at_first))
    return bounded.order_by(moment, number)


def _row(bill: Bill) -> dict[str, Any]:
    return {
        "id": bill.id,
        "account": bill.account,
        "livemode": bill.livemode,
        "provider": bill.provider,
        "merchant": bill.merchant,
        "kind": bill.kind.value,
        "day": bill.day,
        "created_ms": bill.created_ms,
        "state": bill.state.value,
        "reason": bill.reason,
        "rows": bill.rows,
        "digest": bill.digest,
        "checked_ms": bill.checked_ms,
        "version": bill.version,
    }


def _bill_from(row: Any) -> Bill:
    # `rows` and `count` are also names of things that tuples have.
    values = row._asdict()
    return Bill(**values | {"kind": BillKind(values["kind"]), "state": BillState(values["state"])})


def _payment_from(row: Any, fee: int | None = None) -> OurPayment:
    return OurPayment(
        id=row.id,
        intent_id=row.intent_id,
        account=row.account,
        livemode=bool(row.livemode),
        out_trade_no=row.out_trade_no,
        transaction=row.transaction_id,
        amount=row.amount,
        currency=row.currency,
        state=AttemptState(row.state),
        paid_ms=row.paid_ms,
        fee=fee,
        provider=row.provider,
    )


def _refund_from(row: Any) -> OurRefund:
    return OurRefund(
        id=row.id,
        intent_id=row.intent_id,
        attempt_id=row.attempt_id,
        account=row.account,
        livemode=bool(row.livemode),
        out_refund_no=row.out_refund_no,
        handle=row.handle,
        amount=row.amount,
        currency=row.currency,
        state=RefundState(row.state),
        created_ms=row.created_ms,
        succeeded_ms=row.succeeded_ms,
        provider=row.provider,
    )

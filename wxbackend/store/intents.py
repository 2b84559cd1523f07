"""PaymentIntents in the database."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.intent import IntentStatus, PaymentError, PaymentIntent, PaymentMethod
from wxbackend.domain.money import Money
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.store import Page
from wxbackend.store import tables
from wxbackend.store.attempts import attempt_from
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

_T = tables.payment_intents
_INSERT = Statement(insert(_T))
_BY_ID = select(_T).where(_T.c.id == bindparam("intent_id"))
_FIND = Statement(_BY_ID)
_LOCK = Statement(_BY_ID.with_for_update())
_A = tables.attempts
# Columns of the attempt have names of their own, so that one row holds both.
_BOTH = select(_T, *(column.label(f"of_attempt_{column.name}") for column in _A.c))
_LOCK_OF = Statement(
    _BOTH.join_from(_T, _A, _A.c.intent_id == _T.c.id).where(_A.c.id == bindparam("named_attempt")).with_for_update()
)
_LOCK_BY_NUMBER = Statement(
    _BOTH.join_from(_T, _A, _A.c.intent_id == _T.c.id)
    .where(
        _A.c.provider == bindparam("named_provider"),
        _A.c.merchant == bindparam("named_merchant"),
        _A.c.out_trade_no == bindparam("number"),
    )
    .with_for_update()
)
_SHOWN = Statement(_BOTH.outerjoin_from(_T, _A, _A.c.id == _T.c.attempt_id).where(_T.c.id == bindparam("intent_id")))
_AttemptRow = namedtuple("_AttemptRow", [column.name for column in _A.c])  # type: ignore[misc]  # noqa: PYI024
_CHANGING = [
    column.name for column in _T.c if column.name not in ("id", "account", "livemode", "created_ms", "version")
]
_SAVE = Saves(_T, _CHANGING, unlocked="an intent was changed without its lock")


class Intents:
    """See `ports.store.Intents`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, intent: PaymentIntent) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(intent))

    def find(self, intent_id: int) -> PaymentIntent | None:
        """Read one."""
        row = _FIND.first(self._link, {"intent_id": intent_id})
        return None if row is None else intent_from(row)

    def lock(self, intent_id: int) -> PaymentIntent | None:
        """Read one for changing. SQLite has one writer at a time, so there the read is enough."""
        row = _LOCK.first(self._link, {"intent_id": intent_id})
        return None if row is None else intent_from(row)

    def lock_of(self, attempt_id: int) -> tuple[PaymentIntent, Attempt] | None:
        """An attempt and its intent, read for changing in one statement."""
        return _both_from(_LOCK_OF.first(self._link, {"named_attempt": attempt_id}))

    def expect_lock_of(self, attempt_id: int) -> None:
        """Ask for it."""
        _LOCK_OF.ahead(self._link, {"named_attempt": attempt_id})

    def expect_lock_by_number(self, provider: str, merchant: str, out_trade_no: str) -> None:
        """Ask for it."""
        told = {"named_provider": provider, "named_merchant": merchant, "number": out_trade_no}
        _LOCK_BY_NUMBER.ahead(self._link, told)

    def lock_by_number(self, provider: str, merchant: str, out_trade_no: str) -> tuple[PaymentIntent, Attempt] | None:
        """The same by the number that the provider knows."""
        told = {"named_provider": provider, "named_merchant": merchant, "number": out_trade_no}
        return _both_from(_LOCK_BY_NUMBER.first(self._link, told))

    def shown(self, intent_id: int) -> tuple[PaymentIntent, Attempt | None] | None:
        """Read one with its current attempt."""
        row = _SHOWN.first(self._link, {"intent_id": intent_id})
        if row is not None and row.attempt_id is None:
            return intent_from(row), None
        return _both_from(row)

    def save(self, intent: PaymentIntent, *, was: PaymentIntent | None = None) -> None:
        """Write what changed; its `version` is the one that was read."""
        _SAVE.run(self._link, _row(intent), None if was is None else _row(was))

    def page(self, account: str, *, livemode: bool, page: Page) -> Sequence[tuple[PaymentIntent, Attempt | None]]:
        """Newest first, one more than asked so that the caller knows whether there are more."""
        query = select(_T).where(_T.c.account == account, _T.c.livemode == livemode)
        if page.merchant_order_id is not None:
            query = query.where(_T.c.merchant_order_id == page.merchant_order_id)
        rows = paged(self._link.core, query, _T, page)
        intents = [intent_from(row) for row in rows]
        wanted = [intent.attempt_id for intent in intents if intent.attempt_id is not None]
        current: dict[int, Attempt] = {}
        if wanted:
            found = self._link.core.execute(select(tables.attempts).where(tables.attempts.c.id.in_(wanted)))
            current = {row.id: attempt_from(row) for row in found}
        return [(intent, current.get(intent.attempt_id or 0)) for intent in intents]


def _both_from(row: Any | None) -> tuple[PaymentIntent, Attempt] | None:
    return None if row is None else (intent_from(row), attempt_from(_AttemptRow._make(row[len(_T.c) :])))


def _row(intent: PaymentIntent) -> dict[str, Any]:
    return {
        "id": intent.id,
        "account": intent.account,
        "livemode": intent.livemode,
        "created_ms": intent.created_ms,
        "amount": intent.money.amount,
        "currency": intent.money.currency,
        "status": intent.status.value,
        "client_secret": intent.client_secret,
        "description": intent.description,
        "merchant_order_id": intent.merchant_order_id,
        "merchant_user_id": intent.merchant_user_id,
        "customer": intent.customer,
        "return_url": intent.return_url,
        "metadata": to_text(dict(intent.metadata)),
        "payment_method": to_text(method_to(intent.payment_method)),
        "last_payment_error": to_text(error_to(intent.last_payment_error)),
        "attempt_id": intent.attempt_id,
        "amount_received": intent.amount_received,
        "cancel_requested_ms": intent.cancel_requested_ms,
        "cancellation_reason": intent.cancellation_reason,
        "canceled_ms": intent.canceled_ms,
        "version": intent.version,
    }


def intent_from(row: Any) -> PaymentIntent:
    """The intent that a row holds."""
    return PaymentIntent(
        id=row.id,
        account=row.account,
        livemode=row.livemode,
        created_ms=row.created_ms,
        money=Money(row.amount, row.currency),
        status=IntentStatus(row.status),
        client_secret=row.client_secret,
        description=row.description,
        merchant_order_id=row.merchant_order_id,
        merchant_user_id=row.merchant_user_id,
        customer=row.customer,
        return_url=row.return_url,
        metadata=from_text(row.metadata) or {},
        payment_method=method_from(from_text(row.payment_method)),
        last_payment_error=error_from(from_text(row.last_payment_error)),
        attempt_id=row.attempt_id,
        amount_received=row.amount_received,
        cancel_requested_ms=row.cancel_requested_ms,
        cancellation_reason=row.cancellation_reason,
        canceled_ms=row.canceled_ms,
        version=row.version,
    )


def method_to(method: PaymentMethod | None) -> dict[str, Any] | None:
    """A payment method as it is kept."""
    if method is None:
        return None
    kept: dict[str, Any] = {
        "id": method.id,
        "type": method.type,
        "created_ms": method.created_ms,
        "terminal": method.terminal.value if method.terminal else None,
        "app": method.app,
        "openid": method.openid,
        "client_ip": method.client_ip,
        "os_type": method.os_type,
        "mandate_id": method.mandate_id,
    }
    if method.hosted_oauth:  # set only then, for programs of the former version that read it while they still run
        kept |= {"hosted_oauth": True, "hosted_page": method.hosted_page}
    if method.profit_sharing:
        kept["profit_sharing"] = True
    return kept


def method_from(kept: dict[str, Any] | None) -> PaymentMethod | None:
    """The payment method that was kept."""
    if kept is None:
        return None
    terminal = kept.pop("terminal")
    return PaymentMethod(terminal=Terminal(terminal) if terminal else None, **kept)


def error_to(error: PaymentError | None) -> dict[str, Any] | None:
    """An error as it is kept."""
    if error is None:
        return None
    return {"code": error.code, "decline_code": error.decline_code, "message": error.message}


def error_from(kept: dict[str, Any] | None) -> PaymentError | None:
    """The error that was kept."""
    return None if kept is None else PaymentError(**kept)

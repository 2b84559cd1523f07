"""Returns of what was shared, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, bindparam, insert, select, text

from wxbackend.domain.money import Money
from wxbackend.domain.profit_sharing import ReturnState, SharingReturn
from wxbackend.ports.store import Page
from wxbackend.store import tables
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

TABLE: Final = Table(
    "profit_sharing_returns",
    tables.metadata,
    Column("id", tables.Number, primary_key=True, autoincrement=False),
    Column("sharing_id", tables.Number, nullable=False),
    Column("intent_id", tables.Number, nullable=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("provider", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("out_order_no", Text, nullable=False),
    Column("out_return_no", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("amount", tables.Number, nullable=False),
    Column("currency", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("metadata", Text),
    Column("state", Text, nullable=False),
    Column("handle", Text),
    Column("failure", Text),
    Column("created_ms", tables.Number, nullable=False),
    Column("sent_ms", tables.Number, nullable=False),
    Column("returned_ms", tables.Number),
    Column("version", Integer, nullable=False),
)
Index("profit_sharing_returns_newest", TABLE.c.account, TABLE.c.livemode, TABLE.c.id)
Index("profit_sharing_returns_by_sharing", TABLE.c.sharing_id)
Index("profit_sharing_returns_by_number", TABLE.c.merchant, TABLE.c.out_return_no, TABLE.c.provider, unique=True)
_UNRESOLVED = text("state NOT IN ('succeeded', 'failed', 'declined')")
Index("profit_sharing_returns_unresolved", TABLE.c.state, sqlite_where=_UNRESOLVED, postgresql_where=_UNRESOLVED)

_T = TABLE
_INSERT = Statement(insert(_T))
_FIND = Statement(select(_T).where(_T.c.id == bindparam("return_id")))
_FIND_BY_NUMBER = Statement(
    select(_T).where(
        _T.c.provider == bindparam("named_provider"),
        _T.c.merchant == bindparam("named_merchant"),
        _T.c.out_return_no == bindparam("number"),
    )
)
_OF_SHARINGS = select(_T).where(_T.c.sharing_id.in_(bindparam("of", expanding=True))).order_by(_T.c.id)
_CHANGING = ("metadata", "state", "handle", "failure", "sent_ms", "returned_ms")
_SAVE = Saves(_T, _CHANGING, unlocked="a return was changed without its intent's lock")


class SharingReturns:
    """See `ports.store.SharingReturns`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, returned: SharingReturn) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(returned))

    def find(self, return_id: int) -> SharingReturn | None:
        """Read one."""
        row = _FIND.first(self._link, {"return_id": return_id})
        return None if row is None else _return_from(row)

    def find_by_number(self, provider: str, merchant: str, out_return_no: str) -> SharingReturn | None:
        """Read one by the number that the provider knows."""
        named = {"named_provider": provider, "named_merchant": merchant, "number": out_return_no}
        row = _FIND_BY_NUMBER.first(self._link, named)
        return None if row is None else _return_from(row)

    def of_sharings(self, sharing_ids: Sequence[int]) -> list[SharingReturn]:
        """All returns of these sharings."""
        if not sharing_ids:
            return []
        return [_return_from(row) for row in self._link.core.execute(_OF_SHARINGS, {"of": list(sharing_ids)})]

    def save(self, returned: SharingReturn, *, was: SharingReturn) -> SharingReturn:
        """Write what changed."""
        if returned == was:
            return returned
        _SAVE.run(self._link, _row(returned), _row(was))
        return replace(returned, version=returned.version + 1)

    def page(self, account: str, *, livemode: bool, page: Page, sharing_id: int | None) -> Sequence[SharingReturn]:
        """Newest first, one more than asked."""
        query = select(_T).where(_T.c.account == account, _T.c.livemode == livemode)
        if sharing_id is not None:
            query = query.where(_T.c.sharing_id == sharing_id)
        return [_return_from(row) for row in paged(self._link.core, query, _T, page)]


def _row(returned: SharingReturn) -> dict[str, Any]:
    return {
        "id": returned.id,
        "sharing_id": returned.sharing_id,
        "intent_id": returned.intent_id,
        "account": returned.account,
        "livemode": returned.livemode,
        "provider": returned.provider,
        "merchant": returned.merchant,
        "out_order_no": returned.out_order_no,
        "out_return_no": returned.out_return_no,
        "party": returned.party,
        "amount": returned.money.amount,
        "currency": returned.money.currency,
        "description": returned.description,
        "metadata": to_text(dict(returned.metadata)),
        "state": returned.state.value,
        "handle": returned.handle,
        "failure": returned.failure,
        "created_ms": returned.created_ms,
        "sent_ms": returned.sent_ms,
        "returned_ms": returned.returned_ms,
        "version": returned.version,
    }


def _return_from(row: Any) -> SharingReturn:
    return SharingReturn(
        id=row.id,
        sharing_id=row.sharing_id,
        intent_id=row.intent_id,
        account=row.account,
        livemode=row.livemode,
        provider=row.provider,
        merchant=row.merchant,
        out_order_no=row.out_order_no,
        out_return_no=row.out_return_no,
        party=row.party,
        money=Money(row.amount, row.currency),
        description=row.description,
        metadata=from_text(row.metadata) or {},
        state=ReturnState(row.state),
        handle=row.handle,
        failure=row.failure,
        created_ms=row.created_ms,
        sent_ms=row.sent_ms,
        returned_ms=row.returned_ms,
        version=row.version,
    )

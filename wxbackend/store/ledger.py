"""The journal in the database: appended, never changed; the database itself refuses anything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.domain.ledger import Transfer, TransferKind
from wxbackend.ports.store import BookedTransfer, Page
from wxbackend.store import tables
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.statement import Statement

_T = tables.ledger
_BOOK = Statement(
    {
        "sqlite": sqlite_insert(_T).on_conflict_do_nothing(),
        "postgresql": postgresql_insert(_T).on_conflict_do_nothing(),
    }
)
_OWNED = (_T.c.account == bindparam("of_account"), _T.c.livemode == bindparam("of_livemode"))
_RECEIVED = Statement(
    select(_T.c.debit, _T.c.currency, func.sum(_T.c.amount)).where(*_OWNED).group_by(_T.c.debit, _T.c.currency)
)
_GIVEN = Statement(
    select(_T.c.credit, _T.c.currency, func.sum(_T.c.amount)).where(*_OWNED).group_by(_T.c.credit, _T.c.currency)
)


class Ledger:
    """See `ports.store.Ledger`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def book(self, account: str, *, livemode: bool, booked: BookedTransfer) -> None:
        """Append a row; the same kind and subject is booked once."""
        transfer = booked.transfer
        _BOOK.run(
            self._link,
            {
                "id": booked.id,
                "account": account,
                "livemode": livemode,
                "kind": transfer.kind.value,
                "subject_id": transfer.subject_id,
                "occasion": transfer.occasion,
                "debit": transfer.debit,
                "credit": transfer.credit,
                "amount": transfer.amount,
                "currency": transfer.currency,
                "created_ms": booked.created_ms,
            },
        )

    def balances(self, account: str, *, livemode: bool) -> dict[tuple[str, str], int]:
        """Debits less credits."""
        told = {"of_account": account, "of_livemode": livemode}
        found: dict[tuple[str, str], int] = defaultdict(int)
        for name, currency, amount in _RECEIVED.all(self._link, told):
            found[name, currency] += int(amount)
        for name, currency, amount in _GIVEN.all(self._link, told):
            found[name, currency] -= int(amount)
        return dict(found)

    def page(self, account: str, *, livemode: bool, page: Page) -> Sequence[BookedTransfer]:
        """Rows that touch money at a provider."""
        query = select(_T).where(
            _T.c.account == account,
            _T.c.livemode == livemode,
            or_(_T.c.debit.startswith("provider:"), _T.c.credit.startswith("provider:")),
        )
        return [
            BookedTransfer(
                row.id,
                row.created_ms,
                Transfer(
                    TransferKind(row.kind),
                    row.subject_id,
                    row.debit,
                    row.credit,
                    row.amount,
                    row.currency,
                    row.occasion,
                ),
            )
            for row in paged(self._link.core, query, _T, page)
        ]

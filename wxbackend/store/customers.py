"""Customers in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select

from wxbackend.domain.customer import Customer
from wxbackend.ports.store import Page
from wxbackend.store import mandate_tables
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

_T = mandate_tables.customers
_INSERT = Statement(insert(_T))
_BY_ID = select(_T).where(_T.c.id == bindparam("customer_id"))
_FIND = Statement(_BY_ID)
_LOCK = Statement(_BY_ID.with_for_update())
_CHANGING = ("merchant_user_id", "description", "payers", "metadata")
_SAVE = Saves(_T, _CHANGING, unlocked="a customer was changed without its lock")


class Customers:
    """See `ports.store.Customers`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, customer: Customer) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(customer))

    def find(self, customer_id: int) -> Customer | None:
        """Read one."""
        return _customer_from(_FIND.first(self._link, {"customer_id": customer_id}))

    def lock(self, customer_id: int) -> Customer | None:
        """Read one for changing."""
        return _customer_from(_LOCK.first(self._link, {"customer_id": customer_id}))

    def save(self, customer: Customer, *, was: Customer) -> None:
        """Write what changed; its `version` is the one that was read."""
        _SAVE.run(self._link, _row(customer), _row(was))

    def page(self, account: str, *, livemode: bool, page: Page, merchant_user_id: str | None) -> Sequence[Customer]:
        """Newest first, one more than asked."""
        query = select(_T).where(_T.c.account == account, _T.c.livemode == livemode)
        if merchant_user_id is not None:
            query = query.where(_T.c.merchant_user_id == merchant_user_id)
        found = (_customer_from(row) for row in paged(self._link.core, query, _T, page))
        return [customer for customer in found if customer is not None]


def _row(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "account": customer.account,
        "livemode": customer.livemode,
        "created_ms": customer.created_ms,
        "merchant_user_id": customer.merchant_user_id,
        "description": customer.description,
        "payers": to_text(dict(customer.payers)),
        "metadata": to_text(dict(customer.metadata)),
        "version": customer.version,
    }


def _customer_from(row: Any | None) -> Customer | None:
    if row is None:
        return None
    return Customer(
        id=row.id,
        account=row.account,
        livemode=row.livemode,
        created_ms=row.created_ms,
        merchant_user_id=row.merchant_user_id,
        description=row.description,
        payers=from_text(row.payers) or {},
        metadata=from_text(row.metadata) or {},
        version=row.version,
    )

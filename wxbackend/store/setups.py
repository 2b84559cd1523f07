"""SetupIntents in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select

from wxbackend.domain.mandate import Mandate
from wxbackend.domain.setup import SetupIntent, SetupStatus
from wxbackend.ports.store import Page
from wxbackend.store import mandate_tables
from wxbackend.store.intents import error_from, error_to, method_from, method_to
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.mandates import mandate_from
from wxbackend.store.paging import paged
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

_T = mandate_tables.setup_intents
_M = mandate_tables.mandates
_INSERT = Statement(insert(_T))
_BY_ID = select(_T).where(_T.c.id == bindparam("setup_id"))
_FIND = Statement(_BY_ID)
_LOCK = Statement(_BY_ID.with_for_update())
_CHANGING = (
    "status", "description", "return_url", "metadata", "payment_method", "last_setup_error", "mandate_id",
    "cancellation_reason", "canceled_ms",
)  # fmt: skip
_SAVE = Saves(_T, _CHANGING, unlocked="a setup_intent was changed without its lock")


class Setups:
    """See `ports.store.Setups`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, setup: SetupIntent) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(setup))

    def find(self, setup_id: int) -> SetupIntent | None:
        """Read one."""
        row = _FIND.first(self._link, {"setup_id": setup_id})
        return None if row is None else _setup_from(row)

    def lock(self, setup_id: int) -> SetupIntent | None:
        """Read one for changing."""
        row = _LOCK.first(self._link, {"setup_id": setup_id})
        return None if row is None else _setup_from(row)

    def save(self, setup: SetupIntent, *, was: SetupIntent) -> None:
        """Write what changed; its `version` is the one that was read."""
        _SAVE.run(self._link, _row(setup), _row(was))

    def page(
        self, account: str, *, livemode: bool, page: Page, customer_id: int | None
    ) -> Sequence[tuple[SetupIntent, Mandate | None]]:
        """Newest first, one more than asked, each with its mandate."""
        query = select(_T).where(_T.c.account == account, _T.c.livemode == livemode)
        if customer_id is not None:
            query = query.where(_T.c.customer_id == customer_id)
        setups = [_setup_from(row) for row in paged(self._link.core, query, _T, page)]
        wanted = [setup.mandate_id for setup in setups if setup.mandate_id is not None]
        current: dict[int, Mandate] = {}
        if wanted:
            found = self._link.core.execute(select(_M).where(_M.c.id.in_(wanted)))
            current = {row.id: mandate_from(row) for row in found}
        return [(setup, current.get(setup.mandate_id or 0)) for setup in setups]


def _row(setup: SetupIntent) -> dict[str, Any]:
    return {
        "id": setup.id,
        "account": setup.account,
        "livemode": setup.livemode,
        "created_ms": setup.created_ms,
        "customer_id": setup.customer_id,
        "status": setup.status.value,
        "client_secret": setup.client_secret,
        "description": setup.description,
        "return_url": setup.return_url,
        "metadata": to_text(dict(setup.metadata)),
        "payment_method": to_text(method_to(setup.payment_method)),
        "last_setup_error": to_text(error_to(setup.last_setup_error)),
        "mandate_id": setup.mandate_id,
        "cancellation_reason": setup.cancellation_reason,
        "canceled_ms": setup.canceled_ms,
        "version": setup.version,
    }


def _setup_from(row: Any) -> SetupIntent:
    return SetupIntent(
        id=row.id,
        account=row.account,
        livemode=row.livemode,
        created_ms=row.created_ms,
        customer_id=row.customer_id,
        status=SetupStatus(row.status),
        client_secret=row.client_secret,
        description=row.description,
        return_url=row.return_url,
        metadata=from_text(row.metadata) or {},
        payment_method=method_from(from_text(row.payment_method)),
        last_setup_error=error_from(from_text(row.last_setup_error)),
        mandate_id=row.mandate_id,
        cancellation_reason=row.cancellation_reason,
        canceled_ms=row.canceled_ms,
        version=row.version,
    )

"""Money that does not fit, recorded once."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.ports.store import RecordedDiscrepancy
from wxbackend.store import tables
from wxbackend.store.json_text import to_text
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

_T = tables.discrepancies
_INSERT = Statement(
    {
        "sqlite": sqlite_insert(_T).on_conflict_do_nothing().returning(_T.c.id),
        "postgresql": postgresql_insert(_T).on_conflict_do_nothing().returning(_T.c.id),
    }
)
_KNOWN = Statement(
    select(_T.c.id).where(
        _T.c.account == bindparam("of_account"),
        _T.c.kind == bindparam("of_kind"),
        _T.c.transaction_id == bindparam("of_transaction"),
    )
)
_RESOLVE = Statement(update(_T).where(_T.c.id == bindparam("of_discrepancy")).values(state="refunded"))
_COUNT = Statement(select(func.count()).select_from(_T).where(_T.c.state == "open"))


class Discrepancies:
    """See `ports.store.Discrepancies`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, recorded: RecordedDiscrepancy) -> int:
        """The same money is one discrepancy, however often and by whichever door it is told."""
        found = recorded.found
        new = _INSERT.all(
            self._link,
            {
                "id": recorded.id,
                "account": recorded.account,
                "livemode": recorded.livemode,
                "kind": found.kind.value,
                "state": "open",
                "intent_id": recorded.intent_id,
                "attempt_id": recorded.attempt_id,
                "transaction_id": found.transaction,
                "amount": found.amount,
                "currency": found.currency,
                "expected": to_text(dict(found.expected)) or "{}",
                "observed": to_text(dict(found.observed)) or "{}",
                "created_ms": recorded.created_ms,
            },
        )
        if new:
            return recorded.id
        known = {"of_account": recorded.account, "of_kind": found.kind.value, "of_transaction": found.transaction}
        return int(_KNOWN.value(self._link, known))

    def resolve(self, discrepancy_id: int) -> None:
        """The money went back."""
        _RESOLVE.run(self._link, {"of_discrepancy": discrepancy_id})

    def count_open(self) -> int:
        """How many wait for a person."""
        return int(_COUNT.value(self._link))

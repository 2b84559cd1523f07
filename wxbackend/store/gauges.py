"""Counts of unfinished things, each from a partial index that holds nothing else.

The conditions are literals, exactly those of the indexes: SQLite uses a partial index for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import TextClause, text

from wxbackend.store.links import Link

UNCLEAR_ATTEMPTS: Final = text(
    "SELECT state, count(*) AS found FROM attempts WHERE state IN ('recorded', 'uncertain', 'closing') GROUP BY state"
)
UNHANDLED_NOTICES: Final = text("SELECT count(*) FROM notices WHERE handled_ms IS NULL")
UNMATCHED_NOTICES: Final = text(
    "SELECT count(*) FROM notices WHERE verdict IN ('no such order', 'no such refund') AND received_ms >= :since"
)
OPEN_DISCREPANCIES: Final = text("SELECT kind, count(*) AS found FROM discrepancies WHERE state = 'open' GROUP BY kind")
UNRESOLVED_REFUNDS: Final = text(
    "SELECT state, count(*) AS found FROM refunds "
    "WHERE state IN ('queued', 'recorded', 'uncertain', 'short', 'processing', 'abnormal') GROUP BY state"
)
UNRESOLVED_TRANSFERS: Final = text(
    "SELECT state, count(*) AS found FROM merchant_transfers "
    "WHERE state NOT IN ('paid', 'failed', 'canceled', 'declined') GROUP BY state"
)
UNRESOLVED_SHARINGS: Final = text(
    "SELECT state, count(*) AS found FROM profit_sharings WHERE state NOT IN ('finished', 'declined') GROUP BY state"
)
UNRESOLVED_RETURNS: Final = text(
    "SELECT state, count(*) AS found FROM profit_sharing_returns "
    "WHERE state NOT IN ('succeeded', 'failed', 'declined') GROUP BY state"
)
UNRESOLVED_MANDATES: Final = text(
    "SELECT state, count(*) AS found FROM mandates WHERE state IN ('recorded', 'open', 'ending') GROUP BY state"
)
PENDING_DELIVERIES: Final = text("SELECT count(*) FROM deliveries WHERE state = 'pending'")
OLDEST_PENDING_EVENT: Final = text("SELECT min(event_id) FROM deliveries WHERE state = 'pending'")
OLDEST_LOOK: Final = text("SELECT min(due_ms) FROM poll_queue")
OLDEST_SHIPPING_LOOK: Final = text("SELECT min(due_ms) FROM shipping_queue")
UNHANDLED_PUSHES: Final = text("SELECT count(*) FROM pushes WHERE handled_ms IS NULL")
OLDEST_REFUND_LOOK: Final = text("SELECT min(due_ms) FROM refund_queue")
OLDEST_TRANSFER_LOOK: Final = text("SELECT min(due_ms) FROM merchant_transfer_queue")
OLDEST_SHARING_LOOK: Final = text("SELECT min(due_ms) FROM profit_sharing_queue")
OLDEST_MANDATE_LOOK: Final = text("SELECT min(due_ms) FROM mandate_queue")


class Gauges:
    """See `ports.store.Gauges`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def unclear_attempts(self) -> Mapping[str, int]:
        """By state."""
        return self._by_word(UNCLEAR_ATTEMPTS)

    def unhandled_notices(self) -> int:
        """How many."""
        return self._number(UNHANDLED_NOTICES) or 0

    def unmatched_notices(self, *, since_ms: int) -> int:
        """How many since then."""
        return int(self._link.core.execute(UNMATCHED_NOTICES, {"since": since_ms}).scalar_one())

    def unhandled_pushes(self) -> int:
        """How many."""
        return self._number(UNHANDLED_PUSHES) or 0

    def open_discrepancies(self) -> Mapping[str, int]:
        """By kind."""
        return self._by_word(OPEN_DISCREPANCIES)

    def unresolved_refunds(self) -> Mapping[str, int]:
        """By state."""
        return self._by_word(UNRESOLVED_REFUNDS)

    def unresolved_transfers(self) -> Mapping[str, int]:
        """By state."""
        return self._by_word(UNRESOLVED_TRANSFERS)

    def unresolved_sharings(self) -> Mapping[str, int]:
        """By state."""
        return self._by_word(UNRESOLVED_SHARINGS)

    def unresolved_returns(self) -> Mapping[str, int]:
        """By state."""
        return self._by_word(UNRESOLVED_RETURNS)

    def unresolved_mandates(self) -> Mapping[str, int]:
        """By state."""
        return self._by_word(UNRESOLVED_MANDATES)

    def pending_deliveries(self) -> int:
        """How many."""
        return self._number(PENDING_DELIVERIES) or 0

    def oldest_pending_event(self) -> int | None:
        """Its number."""
        return self._number(OLDEST_PENDING_EVENT)

    def oldest_due_ms(self) -> Mapping[str, int | None]:
        """Of each queue."""
        return {
            "attempts": self._number(OLDEST_LOOK),
            "refunds": self._number(OLDEST_REFUND_LOOK),
            "transfers": self._number(OLDEST_TRANSFER_LOOK),
            "sharings": self._number(OLDEST_SHARING_LOOK),
            "shippings": self._number(OLDEST_SHIPPING_LOOK),
            "mandates": self._number(OLDEST_MANDATE_LOOK),
        }

    def _number(self, statement: TextClause) -> int | None:
        found = self._link.core.execute(statement).scalar_one()
        return None if found is None else int(found)

    def _by_word(self, statement: TextClause) -> dict[str, int]:
        return {str(word): int(found) for word, found in self._link.core.execute(statement)}

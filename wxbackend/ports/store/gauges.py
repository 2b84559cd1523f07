"""What the database knows about work that is not finished."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Gauges(Protocol):
    """Counts and oldest ones; each reads an index of unfinished things only, never a whole table."""

    def unclear_attempts(self) -> Mapping[str, int]:
        """Orders whose fate is being found out, by state."""
        ...

    def unhandled_notices(self) -> int:
        """Notices that were kept and not settled."""
        ...

    def unmatched_notices(self, *, since_ms: int) -> int:
        """Notices since then about orders or refunds that we never made."""
        ...

    def unhandled_pushes(self) -> int:
        """Pushes that were kept and not handled."""
        ...

    def open_discrepancies(self) -> Mapping[str, int]:
        """Misplaced money that was not given back, by kind."""
        ...

    def unresolved_refunds(self) -> Mapping[str, int]:
        """Refunds that are not finished, by state."""
        ...

    def unresolved_transfers(self) -> Mapping[str, int]:
        """Transfers to people that have not ended, by state."""
        ...

    def unresolved_sharings(self) -> Mapping[str, int]:
        """Profit sharings that have not ended, by state."""
        ...

    def unresolved_returns(self) -> Mapping[str, int]:
        """Returns of profit sharings that have not ended, by state."""
        ...

    def unresolved_mandates(self) -> Mapping[str, int]:
        """Mandates that are being signed or ended, by state."""
        ...

    def pending_deliveries(self) -> int:
        """Events on their way to the merchant, one for each endpoint."""
        ...

    def oldest_pending_event(self) -> int | None:
        """The number of the oldest event that some endpoint has not taken; the number tells its time."""
        ...

    def oldest_due_ms(self) -> Mapping[str, int | None]:
        """The earliest planned look of each queue, in Unix milliseconds; None for none."""
        ...

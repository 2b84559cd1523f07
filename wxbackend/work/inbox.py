"""Takes up notices and pushes that were kept and not settled."""

from __future__ import annotations

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.receive_notice import take_up_notices
from wxbackend.flows.receive_push import take_up_pushes


def tick(deps: Dependencies) -> int:
    """Always 0: what could not be settled now is not tried again at once."""
    take_up_notices(deps)
    take_up_pushes(deps)
    return 0

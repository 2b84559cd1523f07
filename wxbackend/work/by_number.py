"""Does the work on one row whose number somebody else's queue brought: only if the row is due and nobody has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wxbackend.flows.deliver_events import claim_delivery
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.look_at_shipping import claim_shipping_look
from wxbackend.flows.reconcile_intent import claim_look
from wxbackend.flows.reconcile_mandate import claim_mandate_look
from wxbackend.flows.reconcile_refund import claim_refund_look
from wxbackend.flows.reconcile_sharing import claim_sharing_look
from wxbackend.flows.reconcile_transfer import claim_transfer_look
from wxbackend.ports.store import Kind, Poll
from wxbackend.work import mandates, outbox, reconciliation, refunds, sharings, shippings, transfers

_LOOKS: Final[dict[Kind, tuple[Callable[[Dependencies, int], Poll | None], Callable[[Dependencies, Poll], None]]]] = {
    Kind.LOOK: (claim_look, reconciliation.look),
    Kind.REFUND_LOOK: (claim_refund_look, refunds.look),
    Kind.MANDATE_LOOK: (claim_mandate_look, mandates.look),
    Kind.TRANSFER_LOOK: (claim_transfer_look, transfers.look),
    Kind.SHARING_LOOK: (claim_sharing_look, sharings.look),
    Kind.SHIPPING_LOOK: (claim_shipping_look, shippings.look),
}


def work_on(deps: Dependencies, kind: Kind, item: int) -> bool:
    """Whether the row was ours to work on; a message that came late or twice finds nothing."""
    if kind is Kind.DELIVERY:
        delivery = claim_delivery(deps, item)
        if delivery is not None:
            outbox.carry(deps, [delivery])
        return delivery is not None
    claim, look = _LOOKS[kind]
    poll = claim(deps, item)
    if poll is not None:
        look(deps, poll)
    return poll is not None

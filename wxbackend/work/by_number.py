"""Does the work on one row whose number somebody else's queue brought: only if the row is due and nobody has it."""

from __future__ import annotations

from wxbackend.flows.deliver_events import claim_delivery
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.reconcile_intent import claim_look
from wxbackend.flows.reconcile_refund import claim_refund_look
from wxbackend.ports.store import Kind
from wxbackend.work import outbox, reconciliation, refunds


def work_on(deps: Dependencies, kind: Kind, item: int) -> bool:
    """Whether the row was ours to work on; a message that came late or twice finds nothing."""
    match kind:
        case Kind.LOOK:
            poll = claim_look(deps, item)
            if poll is not None:
                reconciliation.look(deps, poll)
            return poll is not None
        case Kind.REFUND_LOOK:
            poll = claim_refund_look(deps, item)
            if poll is not None:
                refunds.look(deps, poll)
            return poll is not None
        case Kind.DELIVERY:
            delivery = claim_delivery(deps, item)
            if delivery is not None:
                outbox.carry(deps, [delivery])
            return delivery is not None

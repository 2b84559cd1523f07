"""Take a refund back while it waits for its turn; one that was sent never comes back.

The merchant and the sender let a queued refund go under the same lock, so it is one of the two: taken back
and never sent, or sent and the cancel refused.
"""

from __future__ import annotations

from wxbackend.domain.refund import Refund
from wxbackend.flows import settle_refund
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_refund import load
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def cancel_refund(deps: Dependencies, actor: Actor, refund_id: int, *, once: Once = Once()) -> Refund:
    """The canceled refund; its amount may be refunded again."""

    def work(unit: Unit) -> Refund:
        load(unit, actor, refund_id)
        claim(unit, deps, once, object_id=refund_id)
        return settle_refund.cancel(unit, deps, refund_id)

    return deps.store.write(work)

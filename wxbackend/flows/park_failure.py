"""What fails here again and again is tried less and less, shown to the operator, and never dropped.

A failure is an error of ours: a row that cannot be read, a step that the tables refuse, a merchant number
that left the settings. An unknown answer of a provider is none, and neither is an endpoint that refuses.
After a few failures an item is parked. Orders, refunds and notices may stand for money, so their parked ones
are still tried at a slow pace: unknown is not failed. A parked delivery ends as failed and can be sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Failure, Kind, Unit, Work

PARKED_AFTER_FAILURES: Final = 5
AGAIN_AFTER_S: Final = (30, 60, 300, 900)
"""Pauses after the first failures; then the item is parked."""
PARKED_AGAIN_AFTER_S: Final = 3_600
_QUEUES: Final = {
    Work.ATTEMPT: Kind.LOOK,
    Work.REFUND: Kind.REFUND_LOOK,
    Work.TRANSFER: Kind.TRANSFER_LOOK,
    Work.SHARING: Kind.SHARING_LOOK,
    Work.DELIVERY: Kind.DELIVERY,
    Work.MANDATE: Kind.MANDATE_LOOK,
    Work.SHIPPING: Kind.SHIPPING_LOOK,
}


def note_failure(deps: Dependencies, work: Work, item: int, error: Exception, *, tries: int = 0) -> Failure | None:
    """Write down that it failed, and plan when it is tried again.

    None when it is done: the COMMIT that did it may have been all that failed, because its answer got lost.
    """
    now_ms = deps.surroundings.now_ms()

    def write(unit: Unit) -> Failure | None:
        if not _is_planned(unit, work, item):
            unit.failures.remove(work, item)
            return None
        was = unit.failures.find(work, item)
        failures = 1 if was is None else was.failures + 1
        failure = Failure(
            work=work,
            item=item,
            failures=failures,
            reason=type(error).__name__,
            first_ms=now_ms if was is None else was.first_ms,
            last_ms=now_ms,
            again_ms=_again_ms(work, failures, now_ms),
        )
        unit.failures.put(failure)
        _plan(unit, failure, tries=tries)
        return failure

    failure = deps.store.write(write)
    if failure is not None and failure.failures >= PARKED_AFTER_FAILURES:
        structlog.get_logger("worker").error("parked", work=work.value, item=item, failures=failure.failures)
    return failure


def went_well(deps: Dependencies, work: Work, item: int) -> None:
    """Forget its failures; asks before it writes, as there are hardly ever any."""
    if deps.store.read(lambda unit: unit.failures.find(work, item)) is not None:
        deps.store.write(lambda unit: unit.failures.remove(work, item))


def list_parked(deps: Dependencies) -> Sequence[Failure]:
    """What waits for a person, the oldest first."""
    return deps.store.read(lambda unit: unit.failures.parked(failures=PARKED_AFTER_FAILURES))


def retry_parked(deps: Dependencies) -> int:
    """Try all of them again from the beginning, now; how many."""
    now_ms = deps.surroundings.now_ms()

    def work(unit: Unit) -> int:
        parked = unit.failures.parked(failures=PARKED_AFTER_FAILURES)
        for failure in parked:
            unit.failures.remove(failure.work, failure.item)
            _due(unit, failure, now_ms)
        return len(parked)

    return deps.store.write(work)


def _again_ms(work: Work, failures: int, now_ms: int) -> int | None:
    if failures < PARKED_AFTER_FAILURES:
        return now_ms + AGAIN_AFTER_S[failures - 1] * 1000
    return None if work is Work.DELIVERY else now_ms + PARKED_AGAIN_AFTER_S * 1000


def _is_planned(unit: Unit, work: Work, item: int) -> bool:
    """Whether there is anything left to do; the inbox knows by itself what it has handled."""
    kind = _QUEUES.get(work)
    return kind is None or bool(unit.handover.waiting(kind, (item,)))


def _plan(unit: Unit, failure: Failure, *, tries: int) -> None:
    match failure.work:
        case Work.ATTEMPT:
            assert failure.again_ms is not None, "an order that may have been paid is always asked about again"
            unit.attempts.schedule(failure.item, due_ms=failure.again_ms, tries=tries)
        case Work.REFUND:
            assert failure.again_ms is not None, "a refund that may be on its way is always asked about again"
            unit.refunds.schedule(failure.item, due_ms=failure.again_ms, tries=tries)
        case Work.MANDATE:
            assert failure.again_ms is not None, "a contract that may be in force is always asked about again"
            unit.mandates.schedule(failure.item, due_ms=failure.again_ms, tries=tries)
        case Work.TRANSFER:
            assert failure.again_ms is not None, "a transfer that may be on its way is always asked about again"
            unit.merchant_transfers.schedule(failure.item, due_ms=failure.again_ms, tries=tries)
        case Work.SHARING:
            assert failure.again_ms is not None, "a sharing that may be on its way is always asked about again"
            unit.sharing_looks.schedule(failure.item, due_ms=failure.again_ms, tries=tries)
        case Work.DELIVERY:
            unit.events.failed(
                failure.item, tries=tries, status=None, reason=f"failed here: {failure.reason}", due_ms=failure.again_ms
            )
        case Work.SHIPPING:
            assert failure.again_ms is not None, "what WeChat waits for is always looked at again"
            unit.shippings.schedule(failure.item, due_ms=failure.again_ms, tries=tries)
        case Work.NOTICE | Work.PUSH:
            pass  # the inbox leaves out what is not to be tried again yet


def _due(unit: Unit, failure: Failure, now_ms: int) -> None:
    match failure.work:
        case Work.ATTEMPT:
            unit.attempts.schedule(failure.item, due_ms=now_ms, tries=0)
        case Work.REFUND:
            unit.refunds.schedule(failure.item, due_ms=now_ms, tries=0)
        case Work.MANDATE:
            unit.mandates.schedule(failure.item, due_ms=now_ms, tries=0)
        case Work.TRANSFER:
            unit.merchant_transfers.schedule(failure.item, due_ms=now_ms, tries=0)
        case Work.SHARING:
            unit.sharing_looks.schedule(failure.item, due_ms=now_ms, tries=0)
        case Work.DELIVERY:
            unit.deliveries.revive(failure.item, now_ms=now_ms)
        case Work.SHIPPING:
            unit.shippings.schedule(failure.item, due_ms=now_ms, tries=0)
        case Work.NOTICE | Work.PUSH:
            pass  # it is due as soon as nothing is known of its failures

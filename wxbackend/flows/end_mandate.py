"""End a mandate: from its first commit nothing is charged any more, and the provider is told until it confirms."""

from __future__ import annotations

from collections.abc import Callable

from wxbackend.domain import mandate_lifecycle
from wxbackend.domain.mandate import Mandate, MandateState
from wxbackend.domain.mandate_lifecycle import MandateStep
from wxbackend.flows import ask_mandate, settle_mandate
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import Once, claim
from wxbackend.ports.store import Unit


def end_mandate(deps: Dependencies, find: Callable[[Unit], Mandate], *, object_id: int, once: Once = Once()) -> Mandate:
    """The mandate afterwards, inactive whatever the provider answered. `find` checks that the caller may see it."""

    def record(unit: Unit) -> Mandate:
        seen = find(unit)
        claim(unit, deps, once, object_id=object_id)
        setup, was = settle_mandate.lock(unit, seen.id)
        after, events = mandate_lifecycle.end(was, now_ms=deps.surroundings.now_ms())
        kept = settle_mandate.keep(unit, deps, MandateStep(setup, after, events), was=setup, held=was)
        if after.state is MandateState.ENDING:
            unit.mandates.schedule(after.id, due_ms=deps.surroundings.now_ms() + deps.policy.lease_ms, tries=0)
        assert kept.mandate is not None
        return kept.mandate

    ending = deps.store.write(record)
    provider = deps.providers.mandates_of(ending.provider, ending.merchant)
    if ending.state is not MandateState.ENDING or provider is None:
        return ending
    said = ask_mandate.end(deps, provider, ending)
    step = deps.store.write(lambda unit: settle_mandate.settle(unit, deps, ending.id, said, looks=0))
    assert step.mandate is not None
    return step.mandate

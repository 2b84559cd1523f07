"""Look at a mandate: whether it was signed, is still in force, or is over at the provider too."""

from __future__ import annotations

import structlog

from wxbackend.domain.errors import ContractUnknown
from wxbackend.domain.mandate import MandateState
from wxbackend.domain.observation import Absent
from wxbackend.flows import ask_mandate, settle_mandate
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Poll


def claim_mandate_looks(deps: Dependencies, *, at_most: int) -> list[Poll]:
    """Mandates that are due, leased to this worker."""
    now_ms = deps.surroundings.now_ms()
    return list(
        deps.store.write(lambda unit: unit.mandates.claim(now_ms=now_ms, lease_ms=deps.policy.lease_ms, limit=at_most))
    )


def claim_mandate_look(deps: Dependencies, mandate_id: int) -> Poll | None:
    """This mandate, leased to this worker, if it is due and nobody else has it."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return deps.store.write(lambda unit: unit.mandates.take(mandate_id, now_ms=now_ms, lease_ms=lease_ms))


def reconcile_mandate(deps: Dependencies, poll: Poll) -> None:
    """Look at one mandate and settle what the provider says.

    Raises `ContractUnknown` while the provider does not know the contract that is to be ended: it is shown to the
    operator, asked about more slowly, and over in the end.
    """
    mandate = deps.store.read(lambda unit: unit.mandates.find(poll.item))
    if mandate is None or mandate.state is MandateState.ENDED:
        deps.store.write(lambda unit: unit.mandates.unschedule(poll.item))
        return
    provider = ask_mandate.provider_of(deps, mandate.provider, mandate.merchant)
    if mandate.state is MandateState.ENDING:
        said = ask_mandate.end(deps, provider, mandate)
    else:
        said = ask_mandate.query(deps, provider, mandate)
    step = deps.store.write(lambda unit: settle_mandate.settle(unit, deps, poll.item, said, looks=poll.tries + 1))
    structlog.get_logger("mandates").info(
        "mandate_looked_at",
        mandate_id=poll.item,
        said=type(said).__name__,
        now=step.mandate.state.value if step.mandate else None,
    )
    if isinstance(said, Absent) and step.mandate is not None and step.mandate.state is MandateState.ENDING:
        raise ContractUnknown(mandate.out_mandate_no)

"""Cancel a SetupIntent: nobody shall sign any more. The page cannot be closed; what is signed on it is ended."""

from __future__ import annotations

from wxbackend.domain import mandate_lifecycle
from wxbackend.flows import settle_mandate
from wxbackend.flows.confirm_setup import ShownSetup
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_setup import load_setup, mandate_of
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def cancel_setup(
    deps: Dependencies, actor: Actor, setup_id: int, *, reason: str | None, once: Once = Once()
) -> ShownSetup:
    """The SetupIntent afterwards."""

    def work(unit: Unit) -> ShownSetup:
        was = load_setup(unit, actor, setup_id, lock=True)
        claim(unit, deps, once, object_id=was.id)
        held = mandate_of(unit, was, lock=True)
        step = mandate_lifecycle.cancel(was, held, reason=reason, now_ms=deps.surroundings.now_ms())
        kept = settle_mandate.keep(unit, deps, step, was=was, held=held)
        return ShownSetup(kept.setup, kept.mandate)

    return deps.store.write(work)

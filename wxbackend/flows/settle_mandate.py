"""The one door for mandates: every observation about one comes through here, whoever heard it.

It locks the SetupIntent first and the mandate after it, so that what a charge reads under the mandate's lock
is what holds until the charge is recorded.
"""

from __future__ import annotations

from wxbackend.domain import mandate_lifecycle, mandate_representation
from wxbackend.domain.event import EventType
from wxbackend.domain.mandate import Mandate
from wxbackend.domain.mandate_lifecycle import MandateObservation, MandateStep
from wxbackend.domain.setup import SetupIntent
from wxbackend.flows import announce
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.look_schedule import next_mandate_look_ms
from wxbackend.ports.store import Unit


def begin(unit: Unit, deps: Dependencies, step: MandateStep) -> None:
    """Store a new SetupIntent."""
    unit.setups.insert(step.setup)
    _announce(unit, deps, step)


def keep(unit: Unit, deps: Dependencies, step: MandateStep, *, was: SetupIntent, held: Mandate | None) -> MandateStep:
    """Store what the caller of a flow asked for; `held` is the mandate as it was read."""
    mandate = step.mandate
    if mandate is not None and held is not None and mandate != held:
        mandate = unit.mandates.save(mandate, was=held)
        if mandate.state is not held.state:
            plan_look(unit, deps, mandate, tries=0)
    step = MandateStep(_save_setup(unit, step.setup, was), mandate, step.events)
    _announce(unit, deps, step)
    return step


def start(unit: Unit, deps: Dependencies, step: MandateStep, *, was: SetupIntent) -> MandateStep:
    """Store a new mandate, before the provider hears of it."""
    assert step.mandate is not None
    unit.mandates.insert(step.mandate)
    unit.mandates.schedule(step.mandate.id, due_ms=deps.surroundings.now_ms() + deps.policy.lease_ms, tries=0)
    return MandateStep(_save_setup(unit, step.setup, was), step.mandate, step.events)


def give_up(unit: Unit, deps: Dependencies, mandate: Mandate) -> None:
    """Another mandate takes the place of one that is not signed; both belong to the SetupIntent that is locked."""
    plan_look(unit, deps, unit.mandates.save(mandate_lifecycle.give_up(mandate), was=mandate), tries=0)


def settle(
    unit: Unit, deps: Dependencies, mandate_id: int, observation: MandateObservation, *, looks: int | None = None
) -> MandateStep:
    """What the mandate and its SetupIntent are after the observation; stored and announced in one unit."""
    setup, mandate = lock(unit, mandate_id)
    step = mandate_lifecycle.advance(setup, mandate, observation, now_ms=deps.surroundings.now_ms())
    after = step.mandate
    assert after is not None
    if after != mandate:
        after = unit.mandates.save(after, was=mandate)
    if after.state is not mandate.state:
        plan_look(unit, deps, after, tries=0)  # the pauses belong to the state: a new one begins with its first
    elif looks is not None:
        plan_look(unit, deps, after, tries=looks)
    step = MandateStep(_save_setup(unit, step.setup, setup), after, step.events)
    _announce(unit, deps, step)
    return step


def lock(unit: Unit, mandate_id: int) -> tuple[SetupIntent, Mandate]:
    """A mandate and its SetupIntent, both kept from others until the unit ends."""
    unlocked = unit.mandates.find(mandate_id)
    assert unlocked is not None, "an observation about a mandate that was never recorded"
    setup = unit.setups.lock(unlocked.setup_id)
    mandate = unit.mandates.lock(mandate_id)
    assert setup is not None
    assert mandate is not None
    return setup, mandate


def plan_look(unit: Unit, deps: Dependencies, mandate: Mandate, *, tries: int) -> None:
    """Look at it again when its state asks for that, or never."""
    due_ms = next_mandate_look_ms(
        mandate, tries=tries, now_ms=deps.surroundings.now_ms(), look_after_s=deps.policy.look_after_s
    )
    if due_ms is None:
        unit.mandates.unschedule(mandate.id)
    else:
        unit.mandates.schedule(mandate.id, due_ms=due_ms, tries=tries)


def _save_setup(unit: Unit, setup: SetupIntent, was: SetupIntent) -> SetupIntent:
    if setup != was:
        unit.setups.save(setup, was=was)
    return setup


def _announce(unit: Unit, deps: Dependencies, step: MandateStep) -> None:
    setup, mandate = step.setup, step.mandate
    for kind in step.events:
        match kind:
            case EventType.MANDATE_UPDATED if mandate is not None:
                number, subject = mandate.id, mandate_representation.mandate(mandate)
            case EventType.METHOD_ATTACHED | EventType.METHOD_DETACHED if mandate is not None:
                number, subject = mandate.method_id, mandate_representation.payment_method(mandate)
            case _:
                current = mandate if mandate is not None and mandate.id == setup.mandate_id else None
                number, subject = setup.id, mandate_representation.setup_intent(setup, current)
        announce.emit(unit, deps, kind, number, subject, account=setup.account, livemode=setup.livemode)

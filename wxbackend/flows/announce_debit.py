"""Let the provider tell the buyer of a debit to come, where its rules ask for that before one may be made."""

from __future__ import annotations

from wxbackend.domain import mandate_lifecycle
from wxbackend.domain.errors import Conflict, Unavailable
from wxbackend.domain.mandate import DebitNotice, Mandate
from wxbackend.domain.mandate_lifecycle import MandateStep
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Declined, Uncertain
from wxbackend.flows import ask_mandate, settle_mandate
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_setup import find_mandate
from wxbackend.flows.once import Once, claim, keep_answer, let_go
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def announce_debit(deps: Dependencies, actor: Actor, mandate_id: int, money: Money, *, once: Once = Once()) -> Mandate:
    """The mandate with what the buyer was told. Unknown is not told: the same request may be sent again."""
    mandate = find_mandate(deps, actor, mandate_id)
    mandate_lifecycle.require_chargeable(mandate)
    provider = ask_mandate.provider_of(deps, mandate.provider, mandate.merchant)
    deps.store.write(lambda unit: claim(unit, deps, once, object_id=mandate_id))
    said = ask_mandate.ask(deps, provider.tell(mandate, money))
    if isinstance(said, Uncertain):
        let_go(deps, once)
        raise Unavailable(
            "It is not known whether the buyer was told. Send the same request again.", code="provider_unavailable"
        )
    if isinstance(said, Declined):
        raise Conflict(said.message, code=said.decline_code, param="amount")
    notice = DebitNotice(money, deps.surroundings.now_ms(), said.from_day, said.until_day)

    def work(unit: Unit) -> Mandate:
        setup, was = settle_mandate.lock(unit, mandate_id)
        step = MandateStep(setup, mandate_lifecycle.told(was, notice))
        kept = settle_mandate.keep(unit, deps, step, was=setup, held=was)
        assert kept.mandate is not None
        keep_answer(unit, once, kept.mandate)
        return kept.mandate

    return deps.store.write(work)

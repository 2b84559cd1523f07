"""What becomes of a refund that the buyer's account cannot take: a person sends it to a bank card.

It stays the same refund with the same number. WeChat carries out one such request; after a time-out nobody
knows, so the refund is asked about soon and shows what is true.
"""

from __future__ import annotations

from wxbackend.domain.card import Card, Holder
from wxbackend.domain.errors import Conflict, InvalidRequest
from wxbackend.domain.observation import Declined
from wxbackend.domain.refund import Refund
from wxbackend.flows import ask_provider, settle_refund
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_refund import load
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.provider import CardRefunds
from wxbackend.ports.store import Unit


def send_refund_to_card(deps: Dependencies, actor: Actor, refund_id: int, card: Card, *, once: Once = Once()) -> Refund:
    """The refund, `pending` again when WeChat took the card, or still `requires_action` when nobody knows."""
    known = deps.store.read(lambda unit: load(unit, actor, refund_id))
    provider: object = deps.providers.of(known.provider, known.merchant)
    if not isinstance(provider, CardRefunds):
        raise Conflict(
            "Refunds of this merchant number can't be sent to a card through the API; use the provider's console.",
            code="charge_not_refundable",
        )
    if card.holder is Holder.BUYER and card.bank not in provider.card_banks:
        banks = ", ".join(sorted(provider.card_banks))
        raise InvalidRequest(f"bank must be one of: {banks}.", code="parameter_invalid_enum", param="bank")

    def work(unit: Unit) -> Refund:
        load(unit, actor, refund_id)
        claim(unit, deps, once, object_id=refund_id)
        return settle_refund.expect_news(unit, deps, refund_id)

    refund = deps.store.write(work)
    said = ask_provider.refund_to_card(deps, provider, refund, card)
    after = deps.store.write(lambda unit: settle_refund.settle_refund(unit, deps, refund_id, said))
    if isinstance(said, Declined):
        raise Conflict(f"{said.message} The refund still needs another way.", code=said.code)
    return after

"""PaymentIntents that the buyer pays at once: one combined order at the provider, with an attempt of each intent in it.

A group is nothing beside its attempts: what became of it is read off them, and nobody stores it. All of them are
opened, closed and paid together; refunds, events and the journal stay each intent's own
(reference: WeChat Pay v3 combine orders).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from wxbackend.domain import ids
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import Conflict
from wxbackend.domain.intent import IntentStatus, PaymentError, PaymentIntent
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Observation, Pending

MEMBERS_MIN: Final = 2
MEMBERS_MAX: Final = 50
"""How many orders a combined order has (reference: WeChat Pay v3 combine orders; description of 2025-01-16)."""
NOT_TOLD: Final = Pending("not told")


class GroupStatus(Enum):
    """What has become of the combined order."""

    REQUIRES_ACTION = "requires_action"
    """It can be paid, or is being opened or closed."""
    PROCESSING = "processing"
    """A part of it is paid and another is not, which a provider should never say: it is asked until it is clear."""
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    """It was refused, closed or expired, and was not paid."""


@dataclass(frozen=True, slots=True)
class EachTold:
    """What a provider said of each order by our number; nothing was said of an order that is not named."""

    orders: Mapping[str, Observation]


GroupObservation = Observation | EachTold


def of_member(said: GroupObservation, attempt: Attempt) -> Observation:
    """What that means for one of the orders."""
    return said.orders.get(attempt.out_trade_no, NOT_TOLD) if isinstance(said, EachTold) else said


def number_of(group_id: int) -> str:
    """The combined order's own number at the provider."""
    return str(group_id)


@dataclass(frozen=True, slots=True)
class Member:
    """An intent of a group, and its order there."""

    intent: PaymentIntent
    attempt: Attempt

    def took_money(self) -> bool:
        """Whether the intent was paid by this order, and not by another or too late."""
        taken = self.intent.status is IntentStatus.SUCCEEDED and self.intent.attempt_id == self.attempt.id
        return taken and self.attempt.state is AttemptState.PAID


@dataclass(frozen=True, slots=True)
class PaymentGroup:
    """A combined order with all that is in it, in the order in which the intents were named."""

    id: int
    members: tuple[Member, ...]

    @property
    def first(self) -> Attempt:
        """The first order, for what all of them have in common."""
        return self.members[0].attempt

    @property
    def money(self) -> Money:
        """What the buyer is asked for, in all."""
        return Money(sum(each.attempt.money.amount for each in self.members), self.first.money.currency)

    @property
    def status(self) -> GroupStatus:
        """What has become of it."""
        taken = any(each.took_money() for each in self.members)
        if any(each.attempt.is_unresolved() for each in self.members):
            return GroupStatus.PROCESSING if taken else GroupStatus.REQUIRES_ACTION
        return GroupStatus.SUCCEEDED if taken else GroupStatus.CANCELED

    @property
    def error(self) -> PaymentError | None:
        """Why it can't be paid, where that was not the merchant's wish."""
        if self.status is not GroupStatus.CANCELED:
            return None
        current = (each.intent for each in self.members if each.intent.attempt_id == each.attempt.id)
        return next((intent.last_payment_error for intent in current if intent.last_payment_error is not None), None)

    def is_payable(self) -> bool:
        """Whether the buyer may be shown the cashier: every order is open, and its intent still waits for it."""
        return all(
            each.attempt.state is AttemptState.OPEN
            and each.intent.attempt_id == each.attempt.id
            and each.intent.cancel_requested_ms is None
            for each in self.members
        )


def require_alone(attempt: Attempt | None) -> None:
    """Refuse to act on one order of a combined order: the provider closes all of them or none."""
    if attempt is not None and attempt.group_id is not None and attempt.is_unresolved():
        name = ids.render(ids.GROUP, attempt.group_id)
        raise Conflict(
            f"This PaymentIntent is being paid together with others in {name}. Cancel that payment_group first.",
            code="payment_intent_in_group",
        )

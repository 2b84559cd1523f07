"""Double entry, append only: every row moves one amount from one account to another, so the sum is always zero.

Accounts: `provider:<name>:<merchant>` is money at the provider, `sales` what was sold, `suspense`
money that does not fit, `refunds` what was given back, `refunds_pending` what is reserved for it.
Debits are what an account received, credits what it gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from wxbackend.domain.discrepancy import Discrepancy
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.refund import RELEASED, Origin, Refund, RefundState

SALES: Final = "sales"
SUSPENSE: Final = "suspense"
REFUNDS: Final = "refunds"
REFUNDS_PENDING: Final = "refunds_pending"


class TransferKind(Enum):
    """Why money moved; together with its subject it makes a row unique."""

    PAYMENT = "payment"
    MISPLACED = "misplaced"
    REFUND_RESERVED = "refund_reserved"
    REFUND_PAID = "refund_paid"
    REFUND_RELEASED = "refund_released"
    REFUND_RESERVED_AGAIN = "refund_reserved_again"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row: `amount` minor units of `currency` from `credit` to `debit`, because of the subject.

    `occasion` tells apart what can happen to one subject more than once: a refund that was
    released, taken up again by the provider and released again.
    """

    kind: TransferKind
    subject_id: int
    debit: str
    credit: str
    amount: int
    currency: str
    occasion: int = 0


def at_provider(provider: str, merchant: str) -> str:
    """The account of the money at a provider."""
    return f"provider:{provider}:{merchant}"


def of_payment(intent: PaymentIntent, *, provider: str, merchant: str) -> Transfer:
    """The buyer paid what was asked."""
    return Transfer(
        TransferKind.PAYMENT,
        intent.id,
        at_provider(provider, merchant),
        SALES,
        intent.amount_received,
        intent.money.currency,
    )


def of_discrepancy(number: int, found: Discrepancy, *, provider: str, merchant: str) -> Transfer:
    """Money came that does not fit; it is held apart until it is given back or explained."""
    return Transfer(
        TransferKind.MISPLACED, number, at_provider(provider, merchant), SUSPENSE, found.amount, found.currency
    )


def of_refund(refund: Refund, was: RefundState | None) -> tuple[Transfer, ...]:
    """What a refund's new state means; `was` is None for a new one."""
    if was is None:
        return (_refund(TransferKind.REFUND_RESERVED, refund, _source(refund), REFUNDS_PENDING),)
    if was is refund.state:
        return ()
    moved: list[Transfer] = []
    if was in RELEASED and refund.state not in RELEASED:
        moved.append(_refund(TransferKind.REFUND_RESERVED_AGAIN, refund, _source(refund), REFUNDS_PENDING))
    if refund.state is RefundState.SUCCEEDED:
        provider = at_provider(refund.provider, refund.merchant)
        moved.append(_refund(TransferKind.REFUND_PAID, refund, REFUNDS_PENDING, provider))
    if refund.state in RELEASED and was not in RELEASED:
        moved.append(_refund(TransferKind.REFUND_RELEASED, refund, REFUNDS_PENDING, _source(refund)))
    return tuple(moved)


def _source(refund: Refund) -> str:
    return SUSPENSE if refund.origin is Origin.AUTOMATIC else REFUNDS


def _refund(kind: TransferKind, refund: Refund, debit: str, credit: str) -> Transfer:
    return Transfer(kind, refund.id, debit, credit, refund.money.amount, refund.money.currency, refund.version)

"""Double entry, append only: every row moves one amount from one account to another, so the sum is always zero.

Accounts: `provider:<name>:<merchant>` is money at the provider, `sales` what was sold, `suspense`
money that does not fit, `refunds` what was given back, `refunds_pending` what is reserved for it,
`transfers` what was given to people, `transfers_pending` what is reserved for it,
`sharings` what went on to others, `sharings_pending` what is reserved for it.
`fees` is what the provider kept of it for its service.
`frozen` says how much of the money at a provider the shop cannot take until its goods are shipped, `released` how much
it then could; `watched` is their counterpart and no money of its own.
Debits are what an account received, credits what it gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from wxbackend.domain.discrepancy import Discrepancy
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.refund import RELEASED, Origin, Refund, RefundState
from wxbackend.domain.shipping import Shipping, ShippingState

SALES: Final = "sales"
SUSPENSE: Final = "suspense"
REFUNDS: Final = "refunds"
REFUNDS_PENDING: Final = "refunds_pending"
TRANSFERS: Final = "transfers"
TRANSFERS_PENDING: Final = "transfers_pending"
SHARINGS: Final = "sharings"
SHARINGS_PENDING: Final = "sharings_pending"
FEES: Final = "fees"
FROZEN: Final = "frozen"
RELEASED_FUNDS: Final = "released"
WATCHED: Final = "watched"


class TransferKind(Enum):
    """Why money moved; together with its subject it makes a row unique."""

    PAYMENT = "payment"
    MISPLACED = "misplaced"
    REFUND_RESERVED = "refund_reserved"
    REFUND_PAID = "refund_paid"
    REFUND_RELEASED = "refund_released"
    REFUND_RESERVED_AGAIN = "refund_reserved_again"
    TRANSFER_RESERVED = "transfer_reserved"
    TRANSFER_PAID = "transfer_paid"
    TRANSFER_RELEASED = "transfer_released"
    TRANSFER_RESERVED_AGAIN = "transfer_reserved_again"
    SHARING_RESERVED = "sharing_reserved"
    SHARING_PAID = "sharing_paid"
    SHARING_RELEASED = "sharing_released"
    SHARING_RESERVED_AGAIN = "sharing_reserved_again"
    SHARING_RETURNED = "sharing_returned"
    FEE = "fee"
    FEE_RETURNED = "fee_returned"
    FROZEN = "frozen"
    RELEASED = "released"
    FROZEN_REFUNDED = "frozen_refunded"


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


def of_fee(subject_id: int, amount: int, currency: str, *, provider: str, merchant: str) -> Transfer:
    """What the provider kept of a payment, as its bill says; negative is what it gave back with a refund."""
    money = at_provider(provider, merchant)
    if amount < 0:
        return Transfer(TransferKind.FEE_RETURNED, subject_id, money, FEES, -amount, currency)
    return Transfer(TransferKind.FEE, subject_id, FEES, money, amount, currency)


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


def of_frozen(shipping: Shipping) -> tuple[Transfer, ...]:
    """The provider holds the payment until its goods are shipped."""
    money, number = shipping.money, shipping.id
    return _if_any(Transfer(TransferKind.FROZEN, number, FROZEN, WATCHED, shipping.frozen, money.currency))


def of_freed(was: Shipping, now: Shipping) -> tuple[Transfer, ...]:
    """What a shipping's new state frees: for the shop, or because the buyer has it back."""
    amount, currency = was.frozen - now.frozen, was.money.currency
    if now.state is ShippingState.SETTLED:
        return _if_any(Transfer(TransferKind.RELEASED, now.id, RELEASED_FUNDS, FROZEN, amount, currency))
    return _if_any(Transfer(TransferKind.FROZEN_REFUNDED, now.id, WATCHED, FROZEN, amount, currency))


def of_thawed_refund(refund: Refund, amount: int) -> tuple[Transfer, ...]:
    """A refund was paid from what was frozen."""
    return _if_any(Transfer(TransferKind.FROZEN_REFUNDED, refund.id, WATCHED, FROZEN, amount, refund.money.currency))


def _if_any(transfer: Transfer) -> tuple[Transfer, ...]:
    return (transfer,) if transfer.amount > 0 else ()


def _source(refund: Refund) -> str:
    return SUSPENSE if refund.origin is Origin.AUTOMATIC else REFUNDS


def _refund(kind: TransferKind, refund: Refund, debit: str, credit: str) -> Transfer:
    return Transfer(kind, refund.id, debit, credit, refund.money.amount, refund.money.currency, refund.version)

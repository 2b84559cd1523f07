"""What a transfer to a person means for the journal: reserved when it is recorded, gone or free again when it ended."""

from __future__ import annotations

from wxbackend.domain.ledger import TRANSFERS, TRANSFERS_PENDING, Transfer, TransferKind, at_provider
from wxbackend.domain.merchant_transfer import RELEASED, MerchantTransfer, MerchantTransferState


def of_transfer(transfer: MerchantTransfer, was: MerchantTransferState | None) -> tuple[Transfer, ...]:
    """The rows that its new state makes; `was` is None for a new one."""
    if was is None:
        return (_row(TransferKind.TRANSFER_RESERVED, transfer, TRANSFERS, TRANSFERS_PENDING),)
    if was is transfer.state:
        return ()
    moved: list[Transfer] = []
    if was in RELEASED and transfer.state not in RELEASED:
        moved.append(_row(TransferKind.TRANSFER_RESERVED_AGAIN, transfer, TRANSFERS, TRANSFERS_PENDING))
    if transfer.state is MerchantTransferState.PAID:
        provider = at_provider(transfer.provider, transfer.merchant)
        moved.append(_row(TransferKind.TRANSFER_PAID, transfer, TRANSFERS_PENDING, provider))
    if transfer.state in RELEASED and was not in RELEASED:
        moved.append(_row(TransferKind.TRANSFER_RELEASED, transfer, TRANSFERS_PENDING, TRANSFERS))
    return tuple(moved)


def _row(kind: TransferKind, transfer: MerchantTransfer, debit: str, credit: str) -> Transfer:
    money = transfer.money
    return Transfer(kind, transfer.id, debit, credit, money.amount, money.currency, transfer.version)

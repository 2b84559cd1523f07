"""Money on its way to a person: a transfer has one `out_bill_no` for ever, and holds its amount until it surely ended.

The API calls it a transfer. Its name here says more, as a row of the journal is a transfer too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wxbackend.domain.money import Money

IN_FLIGHT_MS_MAX: Final = 60_000
"""How long after it was last sent a transfer may still be on its way: longer than any call may last."""


class MerchantTransferState(Enum):
    """Where the transfer stands, as far as we know."""

    RECORDED = "recorded"
    """Reserved here; whether it was sent is not known yet."""
    UNCERTAIN = "uncertain"
    """Sent; whether the provider took it is not known."""
    SHORT = "short"
    """The merchant's balance is too low; sent again, with the same number, after a top-up."""
    ACCEPTED = "accepted"
    """The provider took it and is looking at it; the person cannot confirm yet."""
    AWAITING = "awaiting"
    """The person has to confirm."""
    MOVING = "moving"
    """The person confirmed; the money is on its way."""
    CANCELING = "canceling"
    """The provider was asked to take it back and has not said yet that it did."""
    PAID = "paid"
    FAILED = "failed"
    """It ended without money having moved."""
    CANCELED = "canceled"
    DECLINED = "declined"
    """The provider refused it; nothing was moved."""


_S = MerchantTransferState
RELEASED: Final = frozenset({_S.FAILED, _S.CANCELED, _S.DECLINED})
"""States in which the money is the merchant's again."""
ENDED: Final = RELEASED | {_S.PAID}
UNSENT: Final = frozenset({_S.RECORDED, _S.UNCERTAIN, _S.SHORT})
"""States in which the same request is sent again, with the same number."""
CONFIRMABLE: Final = frozenset({_S.AWAITING, _S.MOVING})
"""States in which the person may be led to the confirmation."""

PUBLIC_STATUS: Final = {
    _S.RECORDED: "pending",
    _S.UNCERTAIN: "pending",
    _S.SHORT: "pending",
    _S.ACCEPTED: "pending",
    _S.AWAITING: "requires_action",
    _S.MOVING: "pending",
    _S.CANCELING: "canceling",
    _S.PAID: "paid",
    _S.FAILED: "failed",
    _S.CANCELED: "canceled",
    _S.DECLINED: "failed",
}


@dataclass(frozen=True, slots=True)
class ReportInfo:
    """One thing that the provider wants to be told about why money is given."""

    type: str
    content: str


@dataclass(frozen=True, slots=True)
class MerchantTransfer:
    """One transfer to one person; times are Unix milliseconds. `payee_name` is kept only while it may be sent."""

    id: int
    account: str
    livemode: bool
    provider: str
    merchant: str
    app: str
    payee: str = field(repr=False)
    out_bill_no: str
    money: Money
    description: str
    scene: str
    created_ms: int
    sent_ms: int
    reports: tuple[ReportInfo, ...] = ()
    perception: str | None = None
    payee_name: str | None = field(default=None, repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict)
    state: MerchantTransferState = MerchantTransferState.RECORDED
    handle: str | None = None
    client_params: Mapping[str, str] | None = None
    confirm_until_ms: int | None = None
    cancel_requested_ms: int | None = None
    failure: str | None = None
    paid_ms: int | None = None
    version: int = 0

    def is_unresolved(self) -> bool:
        """Whether the provider still has to be asked about it."""
        return self.state not in ENDED

    def is_to_be_sent(self) -> bool:
        """Whether the same request is sent (again): to make it known, or for what opens the confirmation.

        One that shall be canceled is never sent again.
        """
        if self.cancel_requested_ms is not None:
            return False
        return self.state in UNSENT or (self.state is _S.AWAITING and self.client_params is None)

"""One order at a provider. It is recorded before anything is sent and keeps its `out_trade_no` for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from wxbackend.domain.money import Money
from wxbackend.domain.observation import PayersShare
from wxbackend.domain.terminal import Terminal

IN_FLIGHT_MS_MAX = 60_000
"""How long after it was last sent an order may still be on its way: longer than any call may last."""
DEBIT_IN_FLIGHT_MS_MAX = 360_000
"""The same for a debit, which needs no buyer to become money: longer than a provider takes an old signature (five
minutes; reference: request rules)."""


class AttemptState(Enum):
    """Where the order stands, as far as we know."""

    RECORDED = "recorded"
    """Written here; whether it was sent is not known yet."""
    UNCERTAIN = "uncertain"
    """Sent; whether the provider took it is not known."""
    OPEN = "open"
    """The provider took it; the buyer can pay."""
    CLOSING = "closing"
    """Nobody shall pay it any more; the provider has not confirmed that yet."""
    PAID = "paid"
    CLOSED = "closed"
    DECLINED = "declined"


UNRESOLVED = frozenset({AttemptState.RECORDED, AttemptState.UNCERTAIN, AttemptState.OPEN, AttemptState.CLOSING})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order at a provider; times are Unix milliseconds."""

    id: int
    intent_id: int
    account: str
    livemode: bool
    provider: str
    merchant: str
    app: str
    terminal: Terminal
    out_trade_no: str
    payer: str
    money: Money
    description: str
    created_ms: int
    sent_ms: int
    expires_ms: int
    state: AttemptState = AttemptState.RECORDED
    handle: str | None = None
    client_params: Mapping[str, str] | None = None
    presentable_until_ms: int | None = None
    transaction: str | None = None
    paid_ms: int | None = None
    client_ip: str | None = None
    """The buyer's own address, where the order has to say it."""
    os_type: str | None = None
    return_url: str | None = None
    """Where the provider's page sends the buyer afterwards, where the order has one."""
    code_mark: str | None = None
    """Tells whether the same payment code is scanned again; there only while the order is unresolved."""
    reversal_sent_ms: int | None = None
    """When a reversal was first sent; from then on it decides, and not what is said of a payment."""
    profit_sharing: bool = False
    version: int = 0
    """How often it was written; whoever writes it must have read the last one."""
    mandate_id: int | None = None
    """What lets us take the money without the buyer; such an attempt is a debit."""
    mandate_handle: str | None = None
    """What the provider calls that mandate."""
    group_id: int | None = None
    """The payment group whose combined order this is a part of."""
    share: PayersShare | None = None
    """What the buyer paid it with, where that is another currency."""

    def is_unresolved(self) -> bool:
        """Whether the provider still has to be asked about it."""
        return self.state in UNRESOLVED

    def is_debit(self) -> bool:
        """Whether the money is taken under a mandate, without the buyer."""
        return self.mandate_id is not None

    def in_flight_ms(self) -> int:
        """How long after it was last sent it may still be on its way."""
        return DEBIT_IN_FLIGHT_MS_MAX if self.is_debit() else IN_FLIGHT_MS_MAX

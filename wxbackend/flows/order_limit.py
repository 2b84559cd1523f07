"""The most that one order may be, where a provider takes no more: refused here, before anything is sent."""

from __future__ import annotations

from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.money import Money
from wxbackend.ports.provider import OrderLimits, Provider


def limit_of(provider: Provider, currency: str) -> int | None:
    """A provider's limit of an order in minor units, or None where it has none."""
    return provider.amount_max(currency) if isinstance(provider, OrderLimits) else None


def require_within(limit: int | None, money: Money) -> None:
    """Refuse an order above the limit."""
    if limit is not None and money.amount > limit:
        raise InvalidRequest(
            f"amount must be at most {limit} ({Money(limit, money.currency)}) here: WeChat takes no order across the "
            f"border that is worth more than 50,000 USD. It was {money.amount}; make several orders of it.",
            code="amount_too_large",
            param="amount",
        )

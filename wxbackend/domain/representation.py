"""Objects as the merchant sees them, in the seed documents' shape: answers and events say the same."""

from __future__ import annotations

from typing import Any, Final

from wxbackend.domain import ids
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.card import Holder
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyState, KeptDiscrepancy
from wxbackend.domain.endpoint import Endpoint
from wxbackend.domain.intent import PaymentIntent, PaymentMethod
from wxbackend.domain.ledger import (
    FROZEN,
    REFUNDS_PENDING,
    SHARINGS_PENDING,
    TRANSFERS_PENDING,
    Transfer,
    TransferKind,
)
from wxbackend.domain.next_action import hosted_page, next_action
from wxbackend.domain.refund import PUBLIC_STATUS, Refund, RefundState
from wxbackend.domain.shipping import PUBLIC_STATUS as SHIPPING_STATUS
from wxbackend.domain.shipping import TELLINGS_MAX, Parcel, Shipping

PENDING_REASON: Final = {
    RefundState.QUEUED: "queued",
    RefundState.SHORT: "insufficient_funds",
    RefundState.PROCESSING: "processing",
    RefundState.RECORDED: "processing",
    RefundState.UNCERTAIN: "processing",
}
_SEND_TO_CARD: Final = {"type": "send_to_card", "send_to_card": {"holders": [holder.value for holder in Holder]}}
API_VERSION: Final = "1.0.1"
RATE_UNITS: Final = 100_000_000
"""A rate of exchange of one is kept as this."""
_RESERVED: Final = frozenset({REFUNDS_PENDING, TRANSFERS_PENDING, SHARINGS_PENDING})
_MOVEMENTS: Final[dict[TransferKind, tuple[str | None, str]]] = {
    TransferKind.PAYMENT: (ids.INTENT, "payment"),
    TransferKind.MISPLACED: (ids.DISCREPANCY, "adjustment"),
    TransferKind.REFUND_PAID: (ids.REFUND, "refund"),
    TransferKind.TRANSFER_PAID: (ids.TRANSFER, "transfer"),
    TransferKind.SHARING_PAID: (ids.SHARING, "profit_sharing"),
    TransferKind.SHARING_RETURNED: (ids.SHARING_RETURN, "profit_sharing_return"),
    TransferKind.FEE: (None, "fee"),
    TransferKind.FEE_RETURNED: (None, "fee"),
}
"""What moves money at a provider: whose number the journal has, and what it is called."""

BUYER_FIELDS: Final = (
    "id", "object", "created", "livemode", "currency", "amount", "status", "description",
    "next_action", "last_payment_error", "payment_method_types",
)  # fmt: skip
"""What a publishable key may see of an intent."""


def seconds_only(time_ms: int) -> int:
    """Milliseconds rounded down to whole seconds, as the seeds print `created`."""
    return time_ms - time_ms % 1000


def payment_intent(intent: PaymentIntent, attempt: Attempt | None) -> dict[str, Any]:
    """A PaymentIntent; fields that are not set are left out, as in the seeds."""
    shown: dict[str, Any] = {
        "id": ids.render(ids.INTENT, intent.id),
        "object": "payment_intent",
        "created": seconds_only(intent.created_ms),
        "livemode": intent.livemode,
        "currency": intent.money.currency,
        "amount": intent.money.amount,
        "status": intent.status.value,
        "client_secret": intent.client_secret,
        "next_action": hosted_page(intent) or next_action(intent, attempt),
        "last_payment_error": _last_payment_error(intent),
        "payment_method_types": ["wechat_pay"],
        "confirmation_method": "automatic",
        "payment_method_options": method_options(intent.payment_method),
        "return_url": intent.return_url,
        "payment_method": _method_id(intent.payment_method),
        "capture_method": "automatic",
        "description": intent.description,
        "merchant_order_id": intent.merchant_order_id,
        "merchant_user_id": intent.merchant_user_id,
        "customer": intent.customer,
        "metadata": dict(intent.metadata) or None,
        "amount_received": intent.amount_received or None,
        "presentment_details": _presentment(intent, attempt),
        "cancellation_reason": intent.cancellation_reason,
        "canceled_at": intent.canceled_ms,
        "payment_group": _group_id(intent, attempt),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _presentment(intent: PaymentIntent, attempt: Attempt | None) -> dict[str, Any] | None:
    """What the buyer paid it with, where that is another currency than what was asked for."""
    share = attempt.share if attempt is not None and attempt.id == intent.attempt_id else None
    if share is None or share.currency == intent.money.currency or not intent.amount_received:
        return None
    shown = {"presentment_amount": share.amount, "presentment_currency": share.currency}
    return shown | ({} if share.rate is None else {"exchange_rate": _rate_text(share.rate)})


def _rate_text(rate: int) -> str:
    """A rate in hundred-millionths as a decimal number."""
    whole, fraction = divmod(rate, RATE_UNITS)
    return f"{whole}.{fraction:08d}".rstrip("0").rstrip(".")


def buyers_payment_intent(intent: PaymentIntent, attempt: Attempt | None) -> dict[str, Any]:
    """The subset that the buyer's side may see; with an order open it is told how to pay, on our page too."""
    shown = payment_intent(intent, attempt)
    cashier = next_action(intent, attempt)
    if cashier is not None:
        shown["next_action"] = cashier
    return {name: shown[name] for name in BUYER_FIELDS if name in shown}


def _group_id(intent: PaymentIntent, attempt: Attempt | None) -> str | None:
    if attempt is None or attempt.group_id is None or attempt.id != intent.attempt_id:
        return None
    return ids.render(ids.GROUP, attempt.group_id)


def _method_id(method: PaymentMethod | None) -> str | None:
    return ids.render(ids.PAYMENT_METHOD, method.id) if method else None


def method_options(method: PaymentMethod | None) -> dict[str, Any] | None:
    """What was said of a payment method, as it is shown to the merchant's server."""
    if method is None:
        return None
    wechat_pay = {
        "openid": method.openid,
        "terminal_type": method.terminal.value if method.terminal else None,
        "os_type": method.os_type,
        "client_ip": method.client_ip,
        "app_id": method.app,
        "hosted_oauth": True if method.hosted_oauth else None,
        "profit_sharing": method.profit_sharing or None,
    }
    told = {name: value for name, value in wechat_pay.items() if value is not None}
    return {"wechat_pay": told} if told else None


def _last_payment_error(intent: PaymentIntent) -> dict[str, Any] | None:
    error, method = intent.last_payment_error, intent.payment_method
    if error is None:
        return None
    shown: dict[str, Any] = {"code": error.code, "message": error.message}
    if method is not None:
        shown["payment_method"] = {
            "id": _method_id(method),
            "object": "payment_method",
            "created": seconds_only(method.created_ms),
            "livemode": intent.livemode,
            "type": method.type,
            "billing_details": {},
        }
    if error.decline_code is not None:
        shown["decline_code"] = error.decline_code
    return shown


def refund(shown: Refund) -> dict[str, Any]:
    """A Refund in the seed documents' API shape; fields that are not set are left out."""
    fields: dict[str, Any] = {
        "id": ids.render(ids.REFUND, shown.id),
        "object": "refund",
        "amount": shown.money.amount,
        "created": seconds_only(shown.created_ms),
        "currency": shown.money.currency,
        "livemode": shown.livemode,
        "metadata": dict(shown.metadata) or None,
        "payment_intent": ids.render(ids.INTENT, shown.intent_id),
        "reason": shown.reason,
        "description": shown.description,
        "status": PUBLIC_STATUS[shown.state],
        "pending_reason": PENDING_REASON.get(shown.state),
        "sends_at": shown.sent_ms if shown.state is RefundState.QUEUED else None,
        "failure_reason": shown.failure,
        "next_action": _SEND_TO_CARD if shown.state is RefundState.ABNORMAL else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def shipping(shown: Shipping) -> dict[str, Any]:
    """What was shipped of a payment; fields that are not set are left out."""
    telling = shown.telling
    fields: dict[str, Any] = {
        "id": ids.render(ids.SHIPPING, shown.id),
        "object": "shipping",
        "created": seconds_only(shown.created_ms),
        "livemode": shown.livemode,
        "payment_intent": ids.render(ids.INTENT, shown.intent_id),
        "status": SHIPPING_STATUS[shown.state],
        "failure_reason": shown.failure,
        "amount": shown.money.amount,
        "amount_frozen": shown.frozen,
        "currency": shown.money.currency,
        "ship_by": seconds_only(shown.ship_by_ms),
        "corrections_left": TELLINGS_MAX - shown.tellings if shown.tellings else None,
        "reminded_at": shown.reminded_ms,
        "settles_at": shown.settles_ms,
        "settled_at": shown.settled_ms,
    }
    if telling is not None:
        fields |= {
            "logistics_type": telling.logistics.value,
            "delivery_mode": "split" if telling.split else "unified",
            "all_shipped": telling.complete,
            "items": [_parcel(parcel) for parcel in telling.parcels],
        }
    return {name: value for name, value in fields.items() if value is not None}


def _parcel(parcel: Parcel) -> dict[str, str]:
    fields = {
        "description": parcel.description,
        "tracking_number": parcel.tracking_number,
        "carrier": parcel.carrier,
        "consignor_contact": parcel.consignor_contact,
        "receiver_contact": parcel.receiver_contact,
    }
    return {name: value for name, value in fields.items() if value is not None}


def balance(balances: dict[tuple[str, str], int], *, livemode: bool) -> dict[str, Any]:
    """What the books say is at the providers: what may be refunded, what is reserved, and what is not free yet."""
    frozen = {currency: amount for (name, currency), amount in balances.items() if name == FROZEN}
    available: dict[str, int] = {}
    reserved: dict[str, int] = {}
    for (name, currency), amount in balances.items():
        if name.startswith("provider:") or name in _RESERVED:
            available[currency] = available.get(currency, 0) + amount
        if name in _RESERVED:
            reserved[currency] = reserved.get(currency, 0) - amount
    return {
        "object": "balance",
        "available": [{"amount": available[currency], "currency": currency} for currency in sorted(available)],
        "pending": [{"amount": reserved[currency], "currency": currency} for currency in sorted(reserved)],
        "frozen": [{"amount": frozen[currency], "currency": currency} for currency in sorted(frozen)],
        "livemode": livemode,
    }


def balance_transaction(number: int, created_ms: int, transfer: Transfer) -> dict[str, Any]:
    """One row of the journal that touches money at a provider; what left it is negative."""
    came = transfer.debit.startswith("provider:")
    amount = transfer.amount if came else -transfer.amount
    prefix, kind = _MOVEMENTS[transfer.kind]
    return {
        "id": ids.render(ids.TRANSACTION, number),
        "object": "balance_transaction",
        "amount": amount,
        "created": seconds_only(created_ms),
        "currency": transfer.currency,
        "fee": 0,
        "net": amount,
        "source": None if prefix is None else ids.render(prefix, transfer.subject_id),
        "status": "available",
        "type": kind,
    }


def kept_discrepancy(shown: KeptDiscrepancy) -> dict[str, Any]:
    """A Discrepancy with what became of it; fields that are not set are left out."""
    fields = discrepancy(shown.id, shown.found, created_ms=shown.created_ms, livemode=shown.livemode)
    is_open = shown.state is DiscrepancyState.OPEN
    more = {
        "status": "open" if is_open else "resolved",
        "resolution": None if is_open else shown.state.value,
        "payment_intent": None if shown.intent_id is None else ids.render(ids.INTENT, shown.intent_id),
        "bill_date": shown.day,
        "resolved": shown.resolved_ms,
        "note": shown.note,
    }
    return fields | {name: value for name, value in more.items() if value is not None}


def discrepancy(number: int, found: Discrepancy, *, created_ms: int, livemode: bool) -> dict[str, Any]:
    """A Discrepancy as it is when it is opened."""
    return {
        "id": ids.render(ids.DISCREPANCY, number),
        "object": "discrepancy",
        "created": seconds_only(created_ms),
        "livemode": livemode,
        "kind": found.kind.value,
        "status": "open",
        "amount": found.amount,
        "currency": found.currency,
        "transaction_id": found.transaction,
        "expected": dict(found.expected),
        "observed": dict(found.observed),
    }


def event(*, number: int, type_name: str, created_ms: int, livemode: bool, subject: dict[str, Any]) -> dict[str, Any]:
    """An Event around its subject."""
    return {
        "id": ids.render(ids.EVENT, number),
        "object": "event",
        "api_version": API_VERSION,
        "created": seconds_only(created_ms),
        "data": {"object": subject},
        "livemode": livemode,
        "type": type_name,
    }


def event_with_pending(body: bytes, pending: int) -> bytes:
    """An Event's frozen bytes, with the number of its deliveries that have not ended set in at the end."""
    assert body.endswith(b"}"), "an event is frozen as a JSON object"
    return body[:-1] + b',"pending_webhooks":%d}' % pending


def webhook_endpoint(shown: Endpoint, *, with_secret: bool = False) -> dict[str, Any]:
    """A webhook endpoint; its secret only in the answer that made it. One of the settings is `read_only`."""
    fields: dict[str, Any] = {
        "id": shown.id,
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "created": None if shown.created_ms is None else seconds_only(shown.created_ms),
        "description": shown.description,
        "enabled_events": list(shown.enabled_events),
        "livemode": shown.livemode,
        "metadata": dict(shown.metadata) or None,
        "read_only": None if shown.is_changeable else True,
        "secret": shown.secret if with_secret else None,
        "status": "disabled" if shown.disabled else "enabled",
        "url": shown.url,
    }
    return {name: value for name, value in fields.items() if value is not None}

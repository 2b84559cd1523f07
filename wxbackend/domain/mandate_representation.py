"""Customers, SetupIntents, Mandates and PaymentMethods as the merchant sees them: answers and events say the same."""

from __future__ import annotations

from typing import Any, Final

from wxbackend.domain import ids
from wxbackend.domain.customer import Customer
from wxbackend.domain.mandate import PUBLIC_STATUS, Mandate, MandateState
from wxbackend.domain.representation import method_options, seconds_only
from wxbackend.domain.setup import SetupIntent, SetupStatus
from wxbackend.domain.terminal import Terminal

NEXT_ACTION: Final = {
    Terminal.OFFICIAL_ACCOUNT: "redirect_to_url",
    Terminal.MINI_PROGRAM: "navigate_to_mini_program",
}
BUYER_FIELDS: Final = (
    "id", "object", "created", "livemode", "status", "description", "next_action", "last_setup_error",
    "payment_method_types", "usage",
)  # fmt: skip
"""What a publishable key may see of a SetupIntent."""


def _without_unset(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if value is not None}


def customer(shown: Customer) -> dict[str, Any]:
    """A Customer; only the merchant's server is shown one."""
    return _without_unset(
        {
            "id": ids.render(ids.CUSTOMER, shown.id),
            "object": "customer",
            "created": seconds_only(shown.created_ms),
            "livemode": shown.livemode,
            "merchant_user_id": shown.merchant_user_id,
            "description": shown.description,
            "openids": dict(shown.payers) or None,
            "metadata": dict(shown.metadata) or None,
        }
    )


def setup_intent(shown: SetupIntent, mandate: Mandate | None) -> dict[str, Any]:
    """A SetupIntent; fields that are not set are left out."""
    succeeded = shown.status is SetupStatus.SUCCEEDED and mandate is not None
    return _without_unset(
        {
            "id": ids.render(ids.SETUP, shown.id),
            "object": "setup_intent",
            "created": seconds_only(shown.created_ms),
            "livemode": shown.livemode,
            "status": shown.status.value,
            "usage": "off_session",
            "client_secret": shown.client_secret,
            "customer": ids.render(ids.CUSTOMER, shown.customer_id),
            "next_action": _next_action(shown, mandate),
            "last_setup_error": _last_setup_error(shown),
            "payment_method_types": ["wechat_pay"],
            "payment_method_options": method_options(shown.payment_method),
            "payment_method": ids.render(ids.PAYMENT_METHOD, mandate.method_id) if succeeded and mandate else None,
            "mandate": ids.render(ids.MANDATE, mandate.id) if succeeded and mandate else None,
            "description": shown.description,
            "return_url": shown.return_url,
            "metadata": dict(shown.metadata) or None,
            "cancellation_reason": shown.cancellation_reason,
            "canceled_at": shown.canceled_ms,
        }
    )


def buyers_setup_intent(shown: SetupIntent, mandate: Mandate | None) -> dict[str, Any]:
    """The subset that the buyer's side may see."""
    whole = setup_intent(shown, mandate)
    return {name: whole[name] for name in BUYER_FIELDS if name in whole}


def _next_action(shown: SetupIntent, mandate: Mandate | None) -> dict[str, Any] | None:
    if shown.status is not SetupStatus.REQUIRES_ACTION or mandate is None or mandate.id != shown.mandate_id:
        return None
    if mandate.state is not MandateState.OPEN or not mandate.client_params:
        return None
    name = NEXT_ACTION[mandate.terminal]
    return {"type": name, name: dict(mandate.client_params)}


def _last_setup_error(shown: SetupIntent) -> dict[str, Any] | None:
    error = shown.last_setup_error
    if error is None:
        return None
    return _without_unset({"code": error.code, "message": error.message, "decline_code": error.decline_code})


def mandate(shown: Mandate) -> dict[str, Any]:
    """A Mandate; `debit_notice` is what the buyer was last told of a debit to come."""
    notice = shown.notice
    told = None
    if notice is not None:
        told = _without_unset(
            {
                "amount": notice.money.amount,
                "currency": notice.money.currency,
                "created": notice.told_ms,
                "chargeable_from": notice.from_day,
                "chargeable_until": notice.until_day,
            }
        )
    return _without_unset(
        {
            "id": ids.render(ids.MANDATE, shown.id),
            "object": "mandate",
            "created": seconds_only(shown.created_ms),
            "livemode": shown.livemode,
            "status": PUBLIC_STATUS[shown.state],
            "type": "multi_use",
            "customer": ids.render(ids.CUSTOMER, shown.customer_id),
            "payment_method": ids.render(ids.PAYMENT_METHOD, shown.method_id),
            "payment_method_details": {"type": shown.method_type, shown.method_type: {}},
            "customer_acceptance": {"type": "online", "accepted_at": shown.signed_ms} if shown.signed_ms else None,
            "setup_intent": ids.render(ids.SETUP, shown.setup_id),
            "debit_notice": told,
            "ended_at": shown.ended_ms,
        }
    )


def payment_method(shown: Mandate) -> dict[str, Any]:
    """The PaymentMethod that a mandate lets us charge; one whose mandate ended has no customer any more."""
    return _without_unset(
        {
            "id": ids.render(ids.PAYMENT_METHOD, shown.method_id),
            "object": "payment_method",
            "created": seconds_only(shown.signed_ms or shown.created_ms),
            "livemode": shown.livemode,
            "type": shown.method_type,
            shown.method_type: {"app_id": shown.app},
            "billing_details": {},
            "customer": ids.render(ids.CUSTOMER, shown.customer_id) if shown.is_chargeable() else None,
            "mandate": ids.render(ids.MANDATE, shown.id),
        }
    )


def is_method(shown: Mandate) -> bool:
    """Whether there is a PaymentMethod to show: the buyer signed once."""
    return shown.signed_ms is not None

"""What the front end must do next: open the WeChat cashier, show a QR code, or go to another page."""

from __future__ import annotations

from typing import Final

from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.terminal import Terminal

TYPES: Final = {
    Terminal.OFFICIAL_ACCOUNT: "wechat_pay_official_account_params",
    Terminal.MINI_PROGRAM: "wechat_pay_mini_program_params",
    Terminal.WEB: "wechat_pay_display_qr_code",
    Terminal.WAP: "wechat_pay_redirect_to_web",
    Terminal.APP: "wechat_pay_app_params",
}
HOSTED_PAGE: Final = "redirect_to_url"

QR_TEXT: Final = "data"
"""Under which name the client parameters of a WEB order hold what the QR code says."""
QR_IMAGE_URL: Final = "image_url"
"""Under which name they hold the address of its picture, without the ending."""


def next_action(intent: PaymentIntent, attempt: Attempt | None) -> dict[str, object] | None:
    """The `next_action` of an intent, or None when there is nothing to do or its order is not open yet."""
    if intent.status is not IntentStatus.REQUIRES_ACTION or intent.cancel_requested_ms is not None:
        return None
    if attempt is None or attempt.id != intent.attempt_id or attempt.group_id is not None:
        return None  # what opens a combined order belongs to the group
    return cashier(attempt)


def cashier(attempt: Attempt) -> dict[str, object] | None:
    """What opens an order, or None when it is not open."""
    if attempt.state is not AttemptState.OPEN or not attempt.client_params:
        return None
    name = TYPES[attempt.terminal]
    shown = _qr_code(attempt) if attempt.terminal is Terminal.WEB else dict(attempt.client_params)
    return {"type": name, name: shown}


def hosted_page(intent: PaymentIntent) -> dict[str, object] | None:
    """The redirect to our own page, for a merchant that asked for it; None when there is nothing to do."""
    method = intent.payment_method
    if intent.status is not IntentStatus.REQUIRES_ACTION or intent.cancel_requested_ms is not None:
        return None
    if method is None or method.hosted_page is None:
        return None
    shown = {"url": method.hosted_page + intent.client_secret, "return_url": intent.return_url}
    return {"type": HOSTED_PAGE, HOSTED_PAGE: shown}


def _qr_code(attempt: Attempt) -> dict[str, object]:
    """The seed document's `image_data_url` holds the text of the code; pictures of it and its end stand beside it."""
    params = attempt.client_params or {}
    shown: dict[str, object] = {"image_data_url": params[QR_TEXT], "data": params[QR_TEXT]}
    image_url = params.get(QR_IMAGE_URL)
    if image_url is not None:
        shown |= {"image_url_png": f"{image_url}.png", "image_url_svg": f"{image_url}.svg"}
    return shown | {"expires_at": attempt.presentable_until_ms}

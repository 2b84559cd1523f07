"""What the front end must do next: the signed parameters that open the WeChat cashier."""

from __future__ import annotations

from typing import Final

from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.terminal import Terminal

_TYPE: Final = {
    Terminal.OFFICIAL_ACCOUNT: "wechat_pay_official_account_params",
    Terminal.MINI_PROGRAM: "wechat_pay_mini_program_params",
}


def next_action(intent: PaymentIntent, attempt: Attempt | None) -> dict[str, object] | None:
    """The `next_action` of an intent, or None when there is nothing to do or its order is not open yet."""
    if intent.status is not IntentStatus.REQUIRES_ACTION or intent.cancel_requested_ms is not None:
        return None
    if attempt is None or attempt.id != intent.attempt_id:
        return None
    if attempt.state is not AttemptState.OPEN or not attempt.client_params:
        return None
    name = _TYPE[attempt.terminal]
    return {"type": name, name: dict(attempt.client_params)}

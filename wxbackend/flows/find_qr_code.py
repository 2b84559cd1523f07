"""The picture of a QR code: its link is a secret of the order's client parameters, and ends with the code.

The link needs no key, so that a page can show it; who knows it can see the code and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Final

from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import NotFound
from wxbackend.domain.ids import NUMBER_MAX
from wxbackend.domain.next_action import QR_IMAGE_URL, QR_TEXT
from wxbackend.domain.observation import Observation, Opened
from wxbackend.flows.dependencies import Dependencies

PICTURES_PATH: Final = "/pay/qr"


@dataclass(frozen=True, slots=True)
class QrCode:
    """What the code says, and for how long its picture may still be shown."""

    text: str
    lasts_ms: int


def with_picture(deps: Dependencies, attempt: Attempt, said: Observation) -> Observation:
    """An opened order that is shown as a QR code, with the link to its picture; anything else as it is."""
    if not isinstance(said, Opened) or QR_TEXT not in said.client_params:
        return said
    link = f"{deps.policy.public_url}{PICTURES_PATH}/{attempt.id}/{deps.surroundings.token()}"
    return replace(said, client_params={**said.client_params, QR_IMAGE_URL: link})


def find_qr_code(deps: Dependencies, attempt_id: int, secret: str) -> QrCode:
    """The code behind a link; `NotFound` for a wrong link and for one whose order can no longer be paid."""
    known = attempt_id <= NUMBER_MAX  # no database takes a longer one
    attempt = deps.store.read(lambda unit: unit.attempts.find(attempt_id)) if known else None
    if attempt is not None and attempt.state is AttemptState.OPEN and attempt.client_params:
        link = attempt.client_params.get(QR_IMAGE_URL, "")
        lasts_ms = (attempt.presentable_until_ms or 0) - deps.surroundings.now_ms()
        if compare_digest(link.rpartition("/")[2].encode(), secret.encode()) and lasts_ms > 0:
            return QrCode(attempt.client_params[QR_TEXT], lasts_ms)
    raise NotFound("There is no QR code here, or it can no longer be paid. Confirm the PaymentIntent again.")

"""A replaced secret signs on for a day, and an endpoint wants what it says it wants."""

from __future__ import annotations

import pytest

from tests.support.objects import NOW_MS
from wxbackend.delivery.signature import header
from wxbackend.domain.endpoint import RETIRED_SECRETS_MAX, SECRET_OVERLAP_MS, Endpoint
from wxbackend.domain.errors import Conflict
from wxbackend.domain.event import BY_NAME_ONLY, EventType

DAY_MS = 86_400_000
MADE = Endpoint("we_1", "acct_demo", livemode=False, url="https://a.example/", secret="whsec_0", created_ms=NOW_MS)


def test_both_secrets_sign_for_a_day_and_then_the_new_one_alone() -> None:
    assert SECRET_OVERLAP_MS == DAY_MS
    rotated = MADE.rotated("whsec_1", now_ms=NOW_MS)
    assert rotated.secrets_at(NOW_MS) == ("whsec_1", "whsec_0")
    assert rotated.secrets_at(NOW_MS + DAY_MS - 1) == ("whsec_1", "whsec_0")
    assert rotated.secrets_at(NOW_MS + DAY_MS) == ("whsec_1",)
    assert header(rotated.secrets_at(NOW_MS), b"{}", now_s=1).count(",v1=") == 2


def test_a_second_rotation_within_the_day_cuts_nobody_off() -> None:
    twice = MADE.rotated("whsec_1", now_ms=NOW_MS).rotated("whsec_2", now_ms=NOW_MS + 5)
    assert twice.secrets_at(NOW_MS + 5) == ("whsec_2", "whsec_1", "whsec_0")
    assert twice.secrets_at(NOW_MS + DAY_MS) == ("whsec_2", "whsec_1")
    assert len(twice.rotated("whsec_3", now_ms=NOW_MS + 2 * DAY_MS).retired) == 1


def test_rotating_without_end_is_refused_until_the_oldest_has_ended() -> None:
    endpoint = MADE
    for number in range(RETIRED_SECRETS_MAX):
        endpoint = endpoint.rotated(f"whsec_{number + 1}", now_ms=NOW_MS + number)
    with pytest.raises(Conflict):
        endpoint.rotated("whsec_x", now_ms=NOW_MS + RETIRED_SECRETS_MAX)
    assert endpoint.rotated("whsec_x", now_ms=NOW_MS + DAY_MS).secret == "whsec_x"


def test_an_endpoint_wants_what_it_names_unless_it_is_disabled() -> None:
    def wanting(*names: str, disabled: bool = False) -> list[EventType]:
        endpoint = Endpoint("we_1", "a", livemode=False, url="u", secret="s", enabled_events=names, disabled=disabled)
        return [kind for kind in EventType if endpoint.wants(kind)]

    # What some types say once more under other documents' names is told to those who name them.
    assert wanting("*") == [kind for kind in EventType if kind not in BY_NAME_ONLY]
    assert wanting("*", "refund.failed") == [
        kind for kind in EventType if kind not in BY_NAME_ONLY - {EventType.REFUND_FAILED}
    ]
    assert wanting("payment_intent.succeeded") == [EventType.INTENT_SUCCEEDED]
    assert wanting("*", disabled=True) == []


def test_no_secret_shows_when_an_endpoint_is_printed() -> None:
    assert "whsec_" not in repr(MADE.rotated("whsec_1", now_ms=NOW_MS))

"""What each errcode asks for, drawn a second time from WeChat's published meanings."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest
from structlog.testing import capture_logs

from tests.support.platform import NOON_MS
from wxbackend.domain.errors import ProviderError, ProviderUnknown
from wxbackend.identity.answers import read_object, read_success
from wxbackend.identity.errcodes import ADVICE, POLICIES, Policy, pause_s, policy_of, refusal
from wxbackend.ports.identity import AppMisconfigured, PlatformBusy, PlatformRefused, QuotaReached, TokenRejected
from wxbackend.ports.provider import Reply

DRAWN: Final = {
    Policy.REPEAT: {-1},
    Policy.RENEW_TOKEN: {40001, 40014, 42001, 41001},
    Policy.LOG_IN_AGAIN: {42002, 42003, 40030, 40029, 40163, 41008},
    Policy.FATAL: {
        *(40002, 40013, 40125, 41002, 41004),
        *(40164, 89503, 40243),
        *(48001, 48004, 50002, 61024),
        *(50004, 50007),
    },
    Policy.OUR_REQUEST: {40003, 43004, 43101, 40037, 47001, 47003, 41030, 87009},
    Policy.REFUSE_BUYER: {40226},
    Policy.STOP_TODAY: {45009},
    Policy.SLOW_DOWN: {45011},
    Policy.LATER: {10060001},
}
ERRORS: Final[dict[Policy, type[ProviderError]]] = {
    Policy.REPEAT: PlatformBusy,
    Policy.RENEW_TOKEN: TokenRejected,
    Policy.FATAL: AppMisconfigured,
    Policy.STOP_TODAY: QuotaReached,
    Policy.SLOW_DOWN: QuotaReached,
}
HOUR_MS: Final = 3_600_000


def replied(body: Any, status: int = 200) -> Reply:
    return Reply(status, {"content-type": "text/plain"}, body if isinstance(body, bytes) else orjson.dumps(body))


def test_every_published_errcode_has_its_policy() -> None:
    assert {policy: {code for code, given in POLICIES.items() if given is policy} for policy in Policy} == DRAWN


@pytest.mark.parametrize("errcode", sorted(POLICIES))
def test_an_errcode_becomes_the_error_of_its_policy(errcode: int) -> None:
    error = refusal(errcode)
    assert type(error) is ERRORS.get(policy_of(errcode), PlatformRefused)
    assert str(errcode) in str(error)
    with pytest.raises(type(error)):
        read_success(replied({"errcode": errcode, "errmsg": "no"}), "a test", appid="wx1")


def test_an_errcode_nobody_knows_is_not_repeated() -> None:
    assert policy_of(99999) is Policy.OUR_REQUEST
    assert type(refusal(99999)) is PlatformRefused


def test_success_is_errcode_zero_or_none_at_all() -> None:
    for body in ({"errcode": 0, "errmsg": "ok", "a": 1}, {"a": 1}):
        with capture_logs() as logs:
            assert read_success(replied(body), "a test", appid="wx1")["a"] == 1
        assert logs == []


@pytest.mark.parametrize(
    "reply",
    [replied(b"<html>"), replied(b""), replied([]), replied(b"\xff\xfe"), replied({"a": 1}, 500), replied(b"null")],
)
def test_what_is_no_object_of_json_proves_nothing(reply: Reply) -> None:
    with pytest.raises(ProviderUnknown):
        read_object(reply, "a test")


def test_an_errcode_that_is_no_number_proves_nothing() -> None:
    with pytest.raises(ProviderUnknown):
        read_success(replied({"errcode": "0"}), "a test", appid="wx1")


@pytest.mark.parametrize("errcode", sorted(DRAWN[Policy.FATAL]))
def test_the_operator_is_told_what_to_mend_and_how_to_ask_wechat(errcode: int) -> None:
    errmsg = "invalid ip 192.0.2.7, not in whitelist rid: 0a1b2c3d-4e5f6071-8293a4b5 secret=hunter2"
    with capture_logs() as logs, pytest.raises(AppMisconfigured):
        read_success(replied({"errcode": errcode, "errmsg": errmsg}), "access_token", appid="wx1")
    (told,) = logs
    assert told["log_level"] == "error"
    assert (told["appid"], told["errcode"], told["advice"]) == ("wx1", errcode, ADVICE[errcode])
    assert told["rid"] == "0a1b2c3d-4e5f6071-8293a4b5"
    assert told["address"] == ("192.0.2.7" if errcode in {40164, 89503} else None)
    assert "hunter2" not in str(told)


@pytest.mark.parametrize(
    ("after_noon_ms", "seconds"),
    [(0, 12 * 3600), (11 * HOUR_MS, 3600), (12 * HOUR_MS - 1, 1), (12 * HOUR_MS, 24 * 3600)],
)
def test_a_days_quota_begins_anew_at_midnight_in_beijing(after_noon_ms: int, seconds: int) -> None:
    assert pause_s(45009, NOON_MS + after_noon_ms) == seconds


def test_only_quotas_and_wrong_settings_pause() -> None:
    paused = {errcode for errcode in POLICIES if pause_s(errcode, NOON_MS)}
    assert paused == DRAWN[Policy.FATAL] | {45009, 45011}
    assert pause_s(45011, NOON_MS) == 60

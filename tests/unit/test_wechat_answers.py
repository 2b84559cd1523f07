"""WeChat's error answers in our words: what is final, what proves nothing, and what buyers and operators are told."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key

from tests.vectors.test_wechat_v3 import KEYS
from wxbackend.domain.observation import Absent, Closed, Declined, Observation, Uncertain
from wxbackend.ports.provider import PlatformCertificate
from wxbackend.providers.wechat_v3 import code_payments, mapping
from wxbackend.providers.wechat_v3.keys import ASK_AGAIN_AFTER_S, LOOK_AGAIN_AFTER_S, KeyRing

REQUEST_ID = "08F78BB5AF0610C302185F20D7B1BA01289C0C-"


@pytest.mark.parametrize(
    ("status", "code", "cause", "kind"),
    [
        (400, "PARAM_ERROR", "268435461", Declined),
        (400, "INVALID_REQUEST", "0", Declined),
        (400, "APPID_MCHID_NOT_MATCH", "0", Declined),
        (401, "SIGN_ERROR", "268443699", Declined),
        (403, "NO_AUTH", "0", Declined),
        (403, "RULE_LIMIT", "0", Declined),
        (403, "OUT_TRADE_NO_USED", "0", Uncertain),
        (400, "ORDER_PAID", "0", Uncertain),
        (400, "ORDERPAID", "0", Uncertain),
        (400, "INVALID_REQUEST", "268449538", Uncertain),
        (400, "INVALID_REQUEST", "268498689", Uncertain),
        (400, "INVALID_REQUEST", "268498688", Uncertain),
        (400, "ORDER_CLOSED", "0", Closed),
        (400, "INVALID_REQUEST", "268447914", Closed),
        (429, "FREQUENCY_LIMITED", "268447840", Uncertain),
        (429, "RATELIMIT_EXCEEDED", "0", Uncertain),
        (500, "SYSTEM_ERROR", "0", Uncertain),
        (502, "", "", Uncertain),
        (503, "SERVICE_UNAVAILABLE", "0", Uncertain),
    ],
)
def test_only_a_refusal_that_is_one_is_declined(status: int, code: str, cause: str, kind: type[Observation]) -> None:
    assert isinstance(mapping.of_order_error(status, code, "message", REQUEST_ID + cause), kind)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "AUTH_CODE_EXPIRE", Declined), (403, "NOT_ENOUGH", Declined), (400, "PARAM_ERROR", Declined),
        (403, "NO_AUTH", Declined), (403, "TRADE_ERROR", Declined), (400, "A_NEW_ONE", Uncertain), (404, "", Uncertain),
        (400, "ORDER_PAID", Uncertain), (400, "ORDER_REVERSED", Closed), (400, "BANK_ERROR", Uncertain),
    ],
)  # fmt: skip
def test_only_a_known_refusal_lets_the_buyer_of_a_payment_code_go(
    status: int, code: str, kind: type[Observation]
) -> None:
    assert isinstance(code_payments.of_charge_error(status, code, "message", REQUEST_ID + "0"), kind)


def test_what_a_buyer_reads_holds_nothing_of_the_message_and_the_operator_reads_all() -> None:
    said = mapping.of_order_error(400, "PARAM_ERROR", "无效的openid oSECRET", REQUEST_ID + "1")
    assert isinstance(said, Declined)
    assert "oSECRET" not in said.message
    assert "openid" in said.message
    assert "PARAM_ERROR" in said.operator_hint
    assert REQUEST_ID in said.operator_hint


@pytest.mark.parametrize("code", ["SIGN_ERROR", "NO_AUTH", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "ACCOUNT_ERROR"])
def test_a_mistake_of_ours_is_not_blamed_on_the_buyer(code: str) -> None:
    said = mapping.of_order_error(403, code, "商户", REQUEST_ID + "1")
    assert isinstance(said, Declined)
    assert said.code == "payment_method_not_available"
    assert code not in said.message


@pytest.mark.parametrize(
    ("read", "code", "expected"),
    [
        (mapping.of_query_error, "ORDER_NOT_EXIST", Absent),
        (mapping.of_query_error, "ORDERNOTEXIST", Absent),
        (mapping.of_query_error, "SYSTEM_ERROR", Uncertain),
        (mapping.of_query_error, "RESOURCE_NOT_EXISTS", Uncertain),
        (mapping.of_query_error, "", Uncertain),
        (mapping.of_close_error, "ORDER_NOT_EXIST", Absent),
        (mapping.of_close_error, "ORDER_CLOSED", Closed),
        (mapping.of_close_error, "ORDER_PAID", Uncertain),
        (mapping.of_close_error, "SYSTEM_ERROR", Uncertain),
        (mapping.of_close_error, "", Uncertain),
    ],
)
def test_an_error_to_a_question_proves_at_most_that_the_order_is_unknown_or_closed(
    read: Callable[[int, str], Observation], code: str, expected: type[Observation]
) -> None:
    assert isinstance(read(404, code), expected)


class Shelf:
    """Certificates that another process may have fetched; counts how often somebody looked."""

    def __init__(self) -> None:
        self.certificates: tuple[PlatformCertificate, ...] = ()
        self.looks = 0

    def __call__(self) -> tuple[PlatformCertificate, ...]:
        self.looks += 1
        return self.certificates


CERTIFICATE = PlatformCertificate(KEYS["platform_serial"], KEYS["platform_certificate_pem"], 0, 0)


def ring(shelf: Shelf, now_s: list[int]) -> tuple[KeyRing, RSAPublicKey]:
    """A ring that holds one key from the start."""
    key = generate_private_key(65537, 2048).public_key()
    return KeyRing({"PUB_KEY_ID_1": key}, load=shelf, clock_s=lambda: now_s[0]), key


def test_a_key_that_another_process_fetched_is_found_and_nothing_known_is_forgotten() -> None:
    shelf, now_s = Shelf(), [1_000]
    keys, known = ring(shelf, now_s)
    assert keys.find("PUB_KEY_ID_1") is known
    assert shelf.looks == 0
    assert keys.find(CERTIFICATE.serial) is None
    shelf.certificates = (CERTIFICATE,)
    now_s[0] += LOOK_AGAIN_AFTER_S
    assert keys.find(CERTIFICATE.serial) is not None
    shelf.certificates = ()
    now_s[0] += LOOK_AGAIN_AFTER_S
    assert keys.find("unknown") is None
    assert keys.find(CERTIFICATE.serial) is not None
    assert keys.find("PUB_KEY_ID_1") is known


def test_unknown_serials_cause_one_look_in_a_while_however_many_come() -> None:
    shelf, now_s = Shelf(), [1_000]
    keys, _ = ring(shelf, now_s)
    barrier = Barrier(8)

    def knock(number: int) -> None:
        barrier.wait()
        for attempt in range(50):
            assert keys.find(f"forged {number} {attempt}") is None

    threads = [Thread(target=knock, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shelf.looks == 1
    now_s[0] += LOOK_AGAIN_AFTER_S
    assert keys.find("forged") is None
    assert shelf.looks == 2


def test_a_key_added_by_the_worker_is_used_without_a_look() -> None:
    shelf = Shelf()
    keys, _ = ring(shelf, [1_000])
    keys.add((CERTIFICATE,))
    assert keys.find(CERTIFICATE.serial) is not None
    assert shelf.looks == 0


def test_an_unknown_certificate_is_asked_for_once_a_minute_however_many_come_and_an_unknown_public_key_never() -> None:
    shelf, now_s, asked = Shelf(), [1_000], []
    keys = KeyRing({}, load=shelf, clock_s=lambda: now_s[0], missing=lambda: asked.append(now_s[0]))
    for name in ("PUB_KEY_ID_0114232134912410000000000000", "", "../../x", "F" * 41, "f" * 40):
        assert keys.find(name) is None
    assert asked == []
    barrier = Barrier(8)

    def knock(number: int) -> None:
        barrier.wait()
        for attempt in range(50):
            assert keys.find(f"{number:020X}{attempt:020X}") is None

    threads = [Thread(target=knock, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [1_000]
    now_s[0] += ASK_AGAIN_AFTER_S - 1
    shelf.certificates = (CERTIFICATE,)
    assert keys.find(CERTIFICATE.serial) is not None
    assert keys.find("A" * 40) is None
    assert asked == [1_000]
    now_s[0] += 1
    assert keys.find(CERTIFICATE.serial) is not None
    assert asked == [1_000]
    assert keys.find("A" * 40) is None
    assert asked == [1_000, 1_060]

"""Bodies, paths and methods that are wrong before any parameter is: one JSON envelope for all, and nothing changes."""

from __future__ import annotations

import json
import socket
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.api.calling import FORM, INTENTS, error_of, nothing_changes, raw, refused
from tests.support.stack import RunningStack
from wxbackend.api.parameters import BODY_BYTES_MAX, DEPTH_MAX, FIELDS_MAX

JSON: Final = "application/json"
GOOD: Final = b'{"amount": 2000, "currency": "CNY"}'
ABSENT: Final = "pi_1000000000000000000"


def with_text(escaped: str) -> bytes:
    """A good body whose description holds this, as JSON spells it."""
    return b'{"amount": 2000, "currency": "CNY", "description": "' + escaped.encode() + b'"}'


def nested(depth: int) -> bytes:
    """A good body with an ignored field of that depth."""
    return b'{"amount": 2000, "currency": "CNY", "shipping": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


BROKEN: Final[list[tuple[str, bytes, str]]] = [
    ("cut off", b'{"amount": 2000, "curr', "json_invalid"),
    ("a comma too many", b'{"amount": 2000, "currency": "CNY",}', "json_invalid"),
    ("a comment", b'{"amount": 2000, /* fen */ "currency": "CNY"}', "json_invalid"),
    ("single quotes", b"{'amount': 2000}", "json_invalid"),
    ("a list", b'[{"amount": 2000}]', "json_invalid"),
    ("a text", b'"amount"', "json_invalid"),
    ("null", b"null", "json_invalid"),
    ("a number", b"2000", "json_invalid"),
    ("blanks", b"   ", "json_invalid"),
    ("two documents", GOOD + GOOD, "json_invalid"),
    ("NaN", b'{"amount": NaN, "currency": "CNY"}', "json_invalid"),
    ("Infinity", b'{"amount": Infinity, "currency": "CNY"}', "json_invalid"),
    ("a form", b"amount=2000&currency=CNY", "json_invalid"),
    ("Latin-1", '{"amount": 2000, "currency": "CNY", "description": "th\u00e9"}'.encode("latin-1"), "json_invalid"),
    ("half a character", GOOD[:-1] + b', "description": "\xe8\x8c"}', "json_invalid"),
    ("a digit bomb", b'{"amount": ' + b"9" * 5000 + b', "currency": "CNY"}', "json_invalid"),
    ("deep nesting", nested(DEPTH_MAX + 1), "json_invalid"),
    ("very deep nesting", nested(20_000), "json_invalid"),
    ("deep lists", b'{"amount": 1, "expand": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "json_invalid"),
    ("NUL", with_text("tea\\u0000"), "text_invalid"),
    ("a high half surrogate", with_text("\\ud83c"), "text_invalid"),
    ("a low half surrogate", with_text("\\udf75 tea"), "text_invalid"),
    ("NUL in a name", b'{"amount": 2000, "currency": "CNY", "metadata": {"a\\u0000": "b"}}', "text_invalid"),
    ("a raw NUL", GOOD[:-1] + b', "description": "\x00"}', "json_invalid"),
]
TWICE: Final[list[tuple[bytes, str]]] = [
    (b'{"amount": 1, "currency": "CNY", "amount": 2000}', "amount"),
    (b'{"amount": 1, "currency": "CNY", "metadata": {"a": "1", "a": "2"}}', "a"),
]
BAD_FORMS: Final[list[tuple[bytes, str, str | None]]] = [
    (b"amount=1&amount=2000&currency=CNY", "parameter_duplicate", "amount"),
    (b"amount=1&currency=CNY&metadata=x&metadata[a]=b", "form_invalid", "metadata[a]"),
    (b"amount=1&currency=CNY&metadata[a]=b&metadata=x", "parameter_duplicate", "metadata"),
    (b"amount=1&currency=CNY&metadata[a]=b&metadata[a][b]=c", "form_invalid", "metadata[a][b]"),
    (b"amount=1&currency=CNY&metadata[a]=1&metadata%5Ba%5D=2", "parameter_duplicate", "metadata[a]"),
    (b"amount=1&currency=CNY&metadata[a=b", "form_invalid", "metadata[a"),
    (b"amount=1&currency=CNY&[a]=b", "form_invalid", "[a]"),
    (b"amount=1&currency=CNY&metadata[a]b=c", "form_invalid", "metadata[a]b"),
    (b"amount=1&currency=CNY&description=%FF%FE", "form_invalid", None),
    (b"amount=1&currency=CNY&description=\xff", "form_invalid", None),
    (b"amount=1&currency=CNY&description=tea%00", "text_invalid", None),
    (b"&".join(b"a%d=1" % n for n in range(FIELDS_MAX + 1)), "form_invalid", None),
    (b"amount=1&currency=CNY&x" + b"[a]" * 40 + b"=1", "form_invalid", "x" + "[a]" * 26 + "["),
]


@pytest.mark.parametrize(("body", "code"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_body_that_is_not_sound_json_is_refused(stack: RunningStack, body: bytes, code: str) -> None:
    with nothing_changes(stack):
        refused(raw(stack, INTENTS, body, JSON), 400, code)


@pytest.mark.parametrize(("body", "name"), TWICE)
def test_a_name_that_stands_twice_is_refused_and_not_chosen_between(
    stack: RunningStack, body: bytes, name: str
) -> None:
    with nothing_changes(stack):
        refused(raw(stack, INTENTS, body, JSON), 400, "parameter_duplicate", name)


@pytest.mark.parametrize(("body", "code", "param"), BAD_FORMS, ids=[repr(case[0])[:50] for case in BAD_FORMS])
def test_a_form_that_contradicts_itself_is_refused(
    stack: RunningStack, body: bytes, code: str, param: str | None
) -> None:
    with nothing_changes(stack):
        refused(raw(stack, INTENTS, body, FORM), 400, code, param)


def test_json_as_deep_as_allowed_is_read(stack: RunningStack) -> None:
    assert raw(stack, INTENTS, nested(DEPTH_MAX - 1), JSON).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x"])
def test_a_content_type_that_is_not_read_is_a_415(stack: RunningStack, content_type: str) -> None:
    with nothing_changes(stack):
        refused(raw(stack, INTENTS, GOOD, content_type), 415, "content_type_unsupported")


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "APPLICATION/JSON", None])
def test_json_is_recognised_by_its_type_or_by_its_look(stack: RunningStack, content_type: str | None) -> None:
    assert raw(stack, INTENTS, GOOD, content_type).status == 200


@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_a_body_over_the_limit_is_a_413(stack: RunningStack, content_type: str) -> None:
    body = GOOD[:-1] + b', "description": "' + b"a" * BODY_BYTES_MAX + b'"}'
    with nothing_changes(stack):
        refused(raw(stack, INTENTS, body, content_type), 413, "request_entity_too_large")


def test_a_refusal_reaches_its_sender_and_the_connection_lives_on(stack: RunningStack) -> None:
    """Hanging up on a sender loses the answer, and fails whatever is sent next on the same connection."""
    for size in (BODY_BYTES_MAX, BODY_BYTES_MAX + 1, 2 * BODY_BYTES_MAX, 7 * BODY_BYTES_MAX):
        for _ in range(3):
            body = b" " * size
            assert raw(stack, INTENTS, body, JSON).status == (413 if size > BODY_BYTES_MAX else 400)
            refused(raw(stack, INTENTS, body, JSON, key=""), 401, "api_key_missing")
            refused(raw(stack, "/v1/charges", body, JSON), 404, "not_found")
            refused(raw(stack, INTENTS, body, JSON, method="PUT"), 405, "method_not_allowed")


def test_a_body_that_only_claims_to_be_large_is_a_413_at_once(stack: RunningStack) -> None:
    head = (
        f"POST {INTENTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stack.secret_key}\r\n"
        f"Content-Type: {JSON}\r\nContent-Length: {10**12}\r\nConnection: close\r\n\r\n"
    )
    assert b" 413 " in _exchange(stack, head.encode()).partition(b"\r\n")[0]


def test_a_chunked_body_is_held_to_the_limit(stack: RunningStack) -> None:
    chunk = b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
    head = (
        f"POST {INTENTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stack.secret_key}\r\n"
        f"Content-Type: {JSON}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    with nothing_changes(stack):
        answer = _exchange(stack, head.encode() + chunk * 3 + b"0\r\n\r\n")
    assert b" 413 " in answer.partition(b"\r\n")[0]


def test_broken_chunks_are_refused_without_a_defect(stack: RunningStack) -> None:
    head = (
        f"POST {INTENTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stack.secret_key}\r\n"
        f"Content-Type: {JSON}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    with nothing_changes(stack):
        for chunks in (b"zz\r\n{}\r\n0\r\n\r\n", b"-1\r\n\r\n", b"2\r\n{}xx0\r\n\r\n"):
            assert b" 400 " in _exchange(stack, head.encode() + chunks).partition(b"\r\n")[0]


def _exchange(stack: RunningStack, sent: bytes) -> bytes:
    """What a server says to these bytes until it closes the connection."""
    parts = urlsplit(stack.web_url)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        while more := connection.recv(65_536):
            received += more
        return received


@pytest.mark.parametrize(
    "name",
    [
        ABSENT, "pi_1", "pi_", "evt_1666625039547498496", "pi_16666250395474984961", "pi_abcdefghijklmnopqrs",
        "pi_-666625039547498496", "pi_９666625039547498496", "pi_1666625039547498496%00", "%20", "search2",
        "pi_9999999999999999999", "cs_1666625039547498496", "..", "pi_1666625039547498496;x=1", "%F0%9F%8D%B5", "%FF",
    ],
)  # fmt: skip
def test_an_id_that_names_nothing_is_a_404(stack: RunningStack, name: str) -> None:
    with nothing_changes(stack):
        for answer in (
            stack.call("GET", f"{INTENTS}/{name}"),
            stack.call("POST", f"{INTENTS}/{name}/cancel"),
            stack.call("POST", f"{INTENTS}/{name}", {"description": "x"}),
            stack.call("POST", f"{INTENTS}/{name}/confirm", stack.paying_with()),
        ):
            assert answer.status == 404, answer.body
            assert error_of(answer)["code"] in {"resource_missing", "not_found"}


@pytest.mark.parametrize("name", ["%2F", "pi_%2F..%3Fx", "..%2F..%2Fhealth%2Flive", "pi_1%2Fcancel", "%2e%2e%2fsearch"])
def test_an_encoded_slash_in_an_id_never_leads_to_another_route(stack: RunningStack, name: str) -> None:
    with nothing_changes(stack):
        for method in ("GET", "POST"):
            answer = stack.call(method, f"{INTENTS}/{name}")
            assert answer.status in (404, 405), answer.body
            error_of(answer)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/charges", "/v2/payment_intents", "/v1/payment_intent", "/favicon.ico", "/v1//x"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_url_is_a_404_in_json(stack: RunningStack, method: str, path: str) -> None:
    refused(stack.call(method, path, key=""), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", INTENTS, {"GET", "HEAD", "POST"}),
        ("DELETE", INTENTS, {"GET", "HEAD", "POST"}),
        ("PATCH", f"{INTENTS}/{ABSENT}", {"GET", "HEAD", "POST"}),
        ("GET", f"{INTENTS}/{ABSENT}/cancel", {"POST"}),
        ("GET", f"{INTENTS}/{ABSENT}/confirm", {"POST"}),
        ("GET", "/v1/wechat/mini_program/login", {"POST"}),
        ("POST", "/v1/wechat/oauth/start", {"GET", "HEAD"}),
        ("POST", "/health/ready", {"GET", "HEAD"}),
        ("OPTIONS", INTENTS, {"GET", "HEAD", "POST"}),
        ("OPTIONS", f"{INTENTS}/{ABSENT}", {"GET", "HEAD", "POST"}),
        ("PROPFIND", INTENTS, {"GET", "HEAD", "POST"}),
    ],
)
def test_a_wrong_method_is_a_405_that_says_which_are_right(
    stack: RunningStack, method: str, path: str, allowed: set[str]
) -> None:
    with nothing_changes(stack):
        for key in (None, ""):
            answer = stack.call(method, path, key=key)
            refused(answer, 405, "method_not_allowed")
            assert set(answer.headers["allow"].replace(" ", "").split(",")) == allowed


def test_head_is_a_get_without_its_body(stack: RunningStack) -> None:
    for path in (INTENTS, f"{INTENTS}/{ABSENT}", "/v1/charges"):
        got, head = stack.call("GET", path), stack.call("HEAD", path)
        assert (head.status, head.body) == (got.status, b"")
        assert head.headers["content-type"] == "application/json"
        assert head.headers["request-id"].startswith("req_")


def test_every_answer_has_its_own_request_id(stack: RunningStack) -> None:
    answers = [stack.call("GET", INTENTS), stack.call("GET", "/v1/charges"), stack.call("GET", INTENTS, key="")]
    answers.append(stack.call("GET", "/openapi.json", key=""))
    answers.append(stack.call("GET", "/health/live", key=""))
    assert len({answer.headers["request-id"] for answer in answers}) == len(answers)


def test_a_content_type_without_a_body_is_ignored(stack: RunningStack) -> None:
    """Node's SDK sends the form type on GET as well."""
    headers = {"Content-Type": FORM}
    assert stack.call("GET", INTENTS, headers=headers).status == 200
    intent = stack.create_intent()
    canceled = raw(stack, f"{INTENTS}/{intent['id']}/cancel", b"", FORM)
    assert json.loads(canceled.body)["status"] == "canceled"

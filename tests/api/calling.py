"""How the API's tests call, and what every refusal must look like: the envelope, a Request-Id, and nothing changed."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode

from tests.support.stack import Answer, RunningStack

INTENTS: Final = "/v1/payment_intents"
FORM: Final = "application/x-www-form-urlencoded"
OPENID_PARAM: Final = "payment_method_options[wechat_pay][openid]"
ENVELOPE_NAMES: Final = {"type", "message", "code", "param", "request_id"}


def refused(answer: Answer, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    """The error of a refusal that has this status and code and names this parameter."""
    assert answer.status == status, answer.body.decode()
    error = error_of(answer)
    assert error["code"] == code, error
    assert error.get("param") == param, error
    return error


def error_of(answer: Answer) -> dict[str, Any]:
    """The error inside the one envelope that every failure comes in."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"], body
    error: dict[str, Any] = body["error"]
    assert set(error) <= ENVELOPE_NAMES, error
    assert error["message"], error
    assert error["type"] in {"invalid_request_error", "idempotency_error", "api_error"}, error
    assert error["request_id"] == answer.headers["request-id"], error
    return error


@contextmanager
def nothing_changes(stack: RunningStack) -> Iterator[None]:
    """What happens inside leaves every row that is about money as it was."""
    stack.wait_for(stack.is_at_rest, "earlier deliveries to end")
    before = stack.money_rows()
    yield
    assert stack.money_rows() == before


def form(stack: RunningStack, path: str, fields: Mapping[str, str], **more: Any) -> Answer:
    """POST a form, as curl and Stripe's SDKs do."""
    return raw(stack, path, urlencode(fields).encode(), FORM, **more)


def raw(stack: RunningStack, path: str, body: bytes, content_type: str | None, **more: Any) -> Answer:
    """POST these very bytes."""
    headers = dict(more.pop("headers", {}))
    if content_type is not None:
        headers["Content-Type"] = content_type
    return stack.call(more.pop("method", "POST"), path, body=body, headers=headers, **more)


def basic(key: str, password: str = "") -> dict[str, str]:
    """HTTP Basic with the key as user name."""
    return {"Authorization": f"Basic {base64.b64encode(f'{key}:{password}'.encode()).decode()}"}


def new_buyer(stack: RunningStack, **traits: Any) -> dict[str, Any]:
    """A buyer that no other test knows."""
    found: dict[str, Any] = stack.desk("POST", "/buyers", traits)
    return found


def mini_program_session(stack: RunningStack, appid: str, buyer: str = "buyer_1") -> str:
    """The token of a mini program login."""
    code = stack.desk("POST", f"/buyers/{buyer}/codes", {"appid": appid, "kind": "mini_program"})["code"]
    answer = stack.api("POST", "/v1/wechat/mini_program/login", {"code": code}, key=stack.publishable_key)
    token: str = answer["token"]
    return token

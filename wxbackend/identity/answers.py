"""Reads answers of WeChat's platform: HTTP 200 with JSON under any content type, and an errcode where it went wrong."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson
import structlog

from wxbackend.domain.errors import ProviderUnknown
from wxbackend.identity.errcodes import ADVICE, Policy, policy_of, refusal
from wxbackend.ports.provider import Reply

_RID: Final = re.compile(r"rid: ([0-9a-f-]{8,64})")
_ADDRESS: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_ADDRESS_REFUSED: Final = frozenset({40164, 89503})


def read_object(reply: Reply, purpose: str) -> dict[str, Any]:
    """The JSON object, whatever its errcode; raises `ProviderUnknown` when there is none."""
    if reply.status != 200:
        raise ProviderUnknown(f"WeChat answered {reply.status} to {purpose}")
    try:
        answer = orjson.loads(reply.body)
    except orjson.JSONDecodeError as error:
        raise ProviderUnknown(f"WeChat's answer to {purpose} is not JSON") from error
    if not isinstance(answer, dict):
        raise ProviderUnknown(f"WeChat's answer to {purpose} is not a JSON object")
    return answer


def read_success(reply: Reply, purpose: str, *, appid: str) -> dict[str, Any]:
    """The JSON object of a call that went well; raises what its errcode means, and logs it."""
    answer = read_object(reply, purpose)
    errcode = answer.get("errcode", 0)
    if not isinstance(errcode, int):
        raise ProviderUnknown(f"WeChat's answer to {purpose} has an errcode that is no number")
    if errcode:
        tell(errcode, str(answer.get("errmsg", "")), purpose=purpose, appid=appid)
        raise refusal(errcode)
    return answer


def tell(errcode: int, errmsg: str, *, purpose: str, appid: str) -> None:
    """Log a refusal, as an error when the operator has to know. Of WeChat's text only its identifier of the call."""
    log = structlog.get_logger("identity")
    rid = _RID.search(errmsg)
    told: dict[str, Any] = {"purpose": purpose, "appid": appid, "errcode": errcode, "rid": rid[1] if rid else None}
    policy = policy_of(errcode)
    if policy is Policy.FATAL:
        address = _ADDRESS.search(errmsg) if errcode in _ADDRESS_REFUSED else None
        log.error("app_misconfigured", advice=ADVICE[errcode], address=address[0] if address else None, **told)
    elif policy is Policy.STOP_TODAY:
        log.error("quota_used_up", advice="Nothing more is asked until Beijing's midnight.", **told)
    else:
        log.warning("platform_refused", **told)

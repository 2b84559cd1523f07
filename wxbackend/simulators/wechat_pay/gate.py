"""Who may speak to WeChat Pay: header rules first, then the RSA signature over exactly the bytes received."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Request

from wxbackend.simulators.clock import real_now
from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.service_provider import Signer
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_PARAMETER,
    CAUSE_SIGNATURE,
    CAUSE_SUB_MERCHANT_MISSING,
    Refusal,
)
from wxbackend.simulators.wechat_pay.signing import request_message, verify

SCHEME = "WECHATPAY2-SHA256-RSA2048"
ITEMS = ("mchid", "nonce_str", "signature", "timestamp", "serial_no")
ITEM = re.compile(r'([a-z_]+)="([^"]*)"')
CLOCK_DIFFERENCE_MAX_S = 300
NONCE_CHARACTERS_MAX = 32
SHOWN_MESSAGE_CHARACTERS = 512
ACCEPTABLE = ("application/json", "application/*", "*/*")
PARTNER_ORDERS = "/v3/pay/partner/"
GLOBAL = "/v3/global/"
OPEN_TO_SERVICE_PROVIDERS = (
    PARTNER_ORDERS, "/v3/refund/domestic/", "/v3/bill/tradebill", "/v3/billdownload/", "/v3/certificates",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it lies on the wire."""

    method: str
    url: str
    body: bytes
    authorization: str
    accept: str
    user_agent: str
    content_type: str
    wechatpay_serial: str | None

    @property
    def mchid(self) -> str:
        """The number that signed; what it is worth is known once the call is admitted."""
        return str(dict(ITEM.findall(self.authorization)).get("mchid", ""))


def read_call(request: Request) -> Call:
    """Take what is signed from the raw request line and bytes, not from anything decoded."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or "")
    sent = raw.encode("latin-1", "replace").decode("utf-8", "replace")
    url = re.sub(r"^https?://[^/]*", "", sent) or "/"
    return Call(
        method=request.method,
        url=url,
        body=request.get_data(),
        authorization=request.headers.get("Authorization", ""),
        accept=request.headers.get("Accept", ""),
        user_agent=request.headers.get("User-Agent", ""),
        content_type=request.headers.get("Content-Type", ""),
        wechatpay_serial=request.headers.get("Wechatpay-Serial"),
    )


def admit(call: Call, credentials: Credentials) -> None:
    """Let a well-formed, rightly signed request pass. Raises Refusal otherwise."""
    _check_headers(call)
    items = _read_authorization(call)
    signer = _signer(call, credentials, items["mchid"])
    if signer is None:
        raise _sign_error(call, "商户号或商户证书序列号有误", field="mchid", issue="mchid unknown")
    if items["serial_no"] != signer.serial:
        raise _sign_error(call, "商户证书序列号有误", field="serial_no", issue="serial_no unknown")
    _check_timestamp(call, items["timestamp"])
    if not 1 <= len(items["nonce_str"]) <= NONCE_CHARACTERS_MAX:
        raise _sign_error(call, "随机串无效", field="nonce_str", issue="nonce_str length")
    message = _message(call, items)
    if not verify(signer.public_key, message, items["signature"]):
        raise _sign_error(call, "错误的签名，验签失败", field="signature", issue="sign not match", message=message)
    if signer is credentials.service_provider.signer and not call.url.startswith(OPEN_TO_SERVICE_PROVIDERS):
        raise Refusal(403, "NO_AUTH", "服务商号不能调用该接口，应使用服务商模式", cause=CAUSE_SUB_MERCHANT_MISSING)


def _signer(call: Call, credentials: Credentials, mchid: str) -> Signer | None:
    """Who has this number, where it is known: the global API has merchants of its own, and no other API knows them."""
    signer = credentials.signer(mchid)
    return signer if (signer is credentials.abroad) is call.url.startswith(GLOBAL) else None


def _check_headers(call: Call) -> None:
    if not call.accept or not call.user_agent.strip():
        raise Refusal(400, "PARAM_ERROR", "Http头缺少Accept或User-Agent", cause=CAUSE_PARAMETER)
    offered = [part.split(";")[0].strip().lower() for part in call.accept.split(",")]
    if not any(part in ACCEPTABLE for part in offered):
        raise Refusal(400, "PARAM_ERROR", "Http头Accept不支持，应为application/json", cause=CAUSE_PARAMETER)
    media_type = call.content_type.split(";")[0].strip().lower()
    if call.method == "POST" and media_type != "application/json":
        raise Refusal(415, "PARAM_ERROR", "Http头Content-Type应为application/json", cause=CAUSE_PARAMETER)


def _read_authorization(call: Call) -> dict[str, str]:
    scheme, _, rest = call.authorization.partition(" ")
    if scheme != SCHEME:
        raise _sign_error(
            call,
            "Http头Authorization值格式错误",
            field="authorization",
            issue="scheme not supported",
        )
    pairs = [ITEM.fullmatch(part.strip()) for part in rest.split(",")]
    items = {pair[1]: pair[2] for pair in pairs if pair is not None}
    if None in pairs or len(items) != len(pairs):
        raise _sign_error(call, "Http头Authorization值格式错误", field="authorization", issue="malformed items")
    for name in ITEMS:
        if name not in items:
            raise _sign_error(call, f"Http头Authorization缺少{name}", field=name, issue=f"{name} missing")
    return items


def _check_timestamp(call: Call, timestamp: str) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or (abs(real_now() - int(timestamp)) > CLOCK_DIFFERENCE_MAX_S):
        raise _sign_error(
            call,
            "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
            field="timestamp",
            issue="timestamp out of range",
        )


def _message(call: Call, items: dict[str, str]) -> bytes:
    return request_message(
        method=call.method,
        url=call.url,
        timestamp=items["timestamp"],
        nonce=items["nonce_str"],
        body=call.body,
    )


def _sign_error(call: Call, text: str, *, field: str, issue: str, message: bytes | None = None) -> Refusal:
    inner: dict[str, object] = {"issue": issue}
    detail: dict[str, object] = {
        "detail": inner,
        "field": field,
        "location": "authorization",
    }
    if message is not None:
        detail["sign_information"] = {
            "method": call.method,
            "sign_message_length": len(message),
            "truncated_sign_message": message[:SHOWN_MESSAGE_CHARACTERS].decode("utf-8", "replace"),
            "url": call.url,
        }
    return Refusal(401, "SIGN_ERROR", text, cause=CAUSE_SIGNATURE, detail=detail)

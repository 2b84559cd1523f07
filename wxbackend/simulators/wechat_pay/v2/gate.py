"""Who may speak to API v2: a POST of flat XML, from a known merchant, signed with its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509
from flask import Request

from wxbackend.simulators.credentials import Credentials, serial_of
from wxbackend.simulators.wechat_pay.v2.fields import Shape, UnheardError, check, lacking
from wxbackend.simulators.wechat_pay.v2.signing import MD5, SIGN_TYPES, fits
from wxbackend.simulators.wechat_pay.v2.xml import BadXmlError, parse


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that passed; `sign_type` is also that of the answer."""

    fields: Mapping[str, str]
    sign_type: str

    def get(self, name: str) -> str:
        """A field, empty when it is not there."""
        return self.fields.get(name, "")


def admit(method: str, body: bytes, shape: Shape, credentials: Credentials) -> Asked:
    """Let a well-formed, rightly signed request pass. Raises UnheardError."""
    if method != "POST":
        raise UnheardError("REQUIRE_POST_METHOD", "请使用post方法")
    if not body:
        raise UnheardError("POST_DATA_EMPTY", "post数据为空")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise UnheardError("NOT_UTF8", "编码格式错误") from error
    try:
        fields = parse(body)
    except BadXmlError as error:
        raise UnheardError("XML_FORMAT_ERROR", "XML格式错误") from error
    for name in ("appid", "mch_id", "nonce_str", "sign"):
        if not fields.get(name):
            raise lacking(name)
    if fields["mch_id"] != credentials.mchid:
        raise UnheardError("MCHID_NOT_EXIST", "商户号不存在")
    if credentials.app(fields["appid"]) is None:
        raise UnheardError("APPID_NOT_EXIST", "appid不存在")
    sign_type = fields.get("sign_type") or MD5
    if sign_type not in SIGN_TYPES or not fits(fields, credentials.apiv2_key, sign_type):
        raise UnheardError("SIGNERROR", "签名错误")
    check(fields, shape)
    return Asked(fields, sign_type)


def sign_type_of(body: bytes) -> tuple[str, str]:
    """The appid and the signature type that a request names, as far as it can be read."""
    try:
        fields = parse(body)
    except BadXmlError:
        return "", MD5
    named = fields.get("sign_type", MD5)
    return fields.get("appid", ""), named if named in SIGN_TYPES else MD5


def shows_certificate(request: Request, credentials: Credentials) -> bool:
    """Whether the connection itself was opened with the merchant's certificate; no header can say so."""
    pem = request.environ.get("SSL_CLIENT_CERT")
    if not isinstance(pem, str):
        return False
    return serial_of(x509.load_pem_x509_certificate(pem.encode("ascii"))) == credentials.merchant_serial

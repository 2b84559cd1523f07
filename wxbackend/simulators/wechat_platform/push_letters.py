"""What a push looks like on the wire: XML or JSON, plain or encrypted, with the signatures in its query.

Reference: WeChat platform, message and event push. Compatible mode carries the plain message and the encrypted one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from wxbackend.simulators.clock import real_now
from wxbackend.simulators.wechat_platform.push_secrets import PushSecrets

PLAIN, COMPATIBLE, SAFE = "plain", "compatible", "safe"
MODES = (PLAIN, COMPATIBLE, SAFE)
XML, JSON = "xml", "json"
FORMATS = (XML, JSON)
BLOCK_BYTES = 32
SIGNS = ("valid", "none", "wrong_token", "wrong_msg_signature")


@dataclass(frozen=True, slots=True)
class Style:
    """How an app's console is set."""

    mode: str
    format: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One request: its query and its body."""

    query: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Twist:
    """What is wrong with it on purpose."""

    sign: str = "valid"
    timestamp_offset_s: int = 0
    wrong_key: bool = False
    tamper: bool = False


def signature(*parts: str) -> str:
    """SHA-1 over the sorted parts."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def proof(token: str, twist: Twist = Twist()) -> dict[str, str]:
    """The query that every request of WeChat carries."""
    timestamp = str(int(real_now()) + twist.timestamp_offset_s)
    nonce = str(secrets.randbelow(10**10))
    if twist.sign == "wrong_token":
        token = "another" + token
    query = {"signature": signature(token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
    if twist.sign == "none":
        del query["signature"]
    return query


def message_text(fields: Mapping[str, object], style_format: str) -> str:
    """The message itself."""
    if style_format == JSON:
        return json.dumps(fields, ensure_ascii=False)
    inner = "".join(f"<{name}>{_xml_value(value)}</{name}>" for name, value in fields.items())
    return f"<xml>{inner}</xml>"


def letter(text: str, *, appid: str, openid: str, style: Style, keys: PushSecrets, twist: Twist = Twist()) -> Letter:
    """The request that carries a message."""
    query = proof(keys.token, twist)
    query["openid"] = openid
    if style.mode == PLAIN:
        body = text.encode()
        return Letter(query, body.replace(b"event", b"evenT", 1) if twist.tamper else body)
    aes_key = secrets.token_hex(22)[:43] if twist.wrong_key else keys.aes_key
    sealed = seal(aes_key, appid, text)
    token = keys.token + "x" if twist.sign == "wrong_msg_signature" else keys.token
    query |= {"encrypt_type": "aes", "msg_signature": signature(token, query["timestamp"], query["nonce"], sealed)}
    if twist.tamper:
        sealed = ("B" if sealed[0] == "A" else "A") + sealed[1:]
    envelope: dict[str, object] = {"ToUserName": appid, "Encrypt": sealed}
    if style.format == JSON:
        plain = json.loads(text) if style.mode == COMPATIBLE else {}
        return Letter(query, json.dumps({**plain, **envelope}, ensure_ascii=False).encode())
    inside = text.removeprefix("<xml>").removesuffix("</xml>") if style.mode == COMPATIBLE else ""
    tail = message_text({"Encrypt": sealed} if inside else envelope, XML).removeprefix("<xml>")
    return Letter(query, f"<xml>{inside}{tail}".encode())


def seal(aes_key: str, appid: str, text: str) -> str:
    """Sixteen random bytes, the length, the message and the appid, padded to 32 bytes and encrypted."""
    key = base64.b64decode(aes_key + "=")
    message = text.encode()
    content = secrets.token_bytes(16) + struct.pack(">I", len(message)) + message + appid.encode()
    padding = BLOCK_BYTES - len(content) % BLOCK_BYTES
    encryptor = Cipher(AES256(key), CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(content + bytes([padding]) * padding) + encryptor.finalize()).decode()


def _xml_value(value: object) -> str:
    return str(value) if isinstance(value, int) else f"<![CDATA[{escape(str(value))}]]>"

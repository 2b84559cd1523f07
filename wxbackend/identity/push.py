"""Messages and events that WeChat pushes: proven by signature, decrypted by wechatpy, read from XML or JSON.

Reference: WeChat platform, message and event push. In plain mode the signature covers a time and a nonce and
not the body; only an encrypted push proves what it says. An app with an AES key takes no other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from collections.abc import Mapping
from typing import Any, Final

import orjson
from wechatpy import parse_message
from wechatpy.crypto import PrpCrypto
from wechatpy.exceptions import WeChatException

from wxbackend.domain.errors import BadSignature, CoordinationAway, StaleMessage, UnreadableMessage
from wxbackend.identity.hardened_xml import members
from wxbackend.ports.accounts import App
from wxbackend.ports.coordination import Coordination
from wxbackend.ports.pushes import Push
from wxbackend.ports.surroundings import Surroundings

APART_S_MAX: Final = 600
"""How far a push's time may be from ours. WeChat names no rule; this is our own."""
REPLAY_KEPT_S: Final = 2 * APART_S_MAX
ECHO_CHARACTERS_MAX: Final = 512
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NONCE: Final = re.compile(r"[\x21-\x7e]{1,128}")
_UNREADABLE: Final = (WeChatException, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error)
"""What wechatpy raises for a message that is none."""


class WeChatPushes:
    """See `ports.pushes.PushReader`."""

    def __init__(self, coordination: Coordination, surroundings: Surroundings) -> None:
        self._coordination = coordination
        self._surroundings = surroundings

    def prove_address(self, app: App, query: Mapping[str, str]) -> bytes:
        """WeChat's `echostr`, if WeChat it is."""
        self._prove_sender(app, query)
        echo = query.get("echostr", "")
        if not 0 < len(echo) <= ECHO_CHARACTERS_MAX:
            raise UnreadableMessage("the echostr is missing or too long")
        return echo.encode()

    def read(self, app: App, query: Mapping[str, str], body: bytes) -> Push:
        """Who sent it is proven before anything is parsed; what it says, before it is believed."""
        self._prove_sender(app, query)
        if app.push_aes_keys:
            return self.reread(_opened(app, query, body), sealed=True)
        self._refuse_replay(app, query, body)
        try:
            content = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnreadableMessage("the push is not UTF-8") from error
        return self.reread(content, sealed=False)

    def reread(self, content: str, *, sealed: bool) -> Push:
        """The message inside."""
        said = _message(content)
        kind, event = said.get("MsgType"), said.get("Event") or ""
        if not isinstance(kind, str) or not isinstance(event, str):
            raise UnreadableMessage("the push names no MsgType")
        if not _WORD.fullmatch(kind) or (event and not _WORD.fullmatch(event)):
            raise UnreadableMessage("the push has a MsgType or Event that is no word")
        fields = {name: str(value) for name, value in said.items() if isinstance(value, str | int)}
        return Push(
            id=_identifier(said),
            kind=kind.lower(),
            event=event.lower(),
            sealed=sealed,
            fields=fields,
            content=content,
        )

    def _prove_sender(self, app: App, query: Mapping[str, str]) -> None:
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
            raise BadSignature("timestamp or nonce is missing")
        _require_same(query.get("signature", ""), _signature(app, timestamp, nonce), "signature")
        if abs(self._surroundings.now_ms() // 1000 - int(timestamp)) > APART_S_MAX:
            raise StaleMessage(f"its time is more than {APART_S_MAX} s from ours")

    def _refuse_replay(self, app: App, query: Mapping[str, str], body: bytes) -> None:
        """One proof carries one body: WeChat repeats a push as it was, somebody who overheard it brings another.

        Without the shared memory pushes go on: each is kept once whatever its proof.
        """
        proof = _digest(f"{app.appid}\n{query['timestamp']}\n{query['nonce']}")
        name, carried = f"push:{proof}", hashlib.sha256(body).hexdigest()
        try:
            if self._coordination.add(name, carried, ttl_s=REPLAY_KEPT_S):
                return
            before = self._coordination.get(name)
        except CoordinationAway:
            return
        if before is not None and not hmac.compare_digest(before, carried):
            raise BadSignature("this signature came with another body before")


def _signature(app: App, *parts: str) -> str:
    """SHA-1 in hexadecimal over the sorted parts; the protocol wants SHA-1, what protects it is the token inside."""
    assert app.push_token is not None
    return hashlib.sha1("".join(sorted((app.push_token, *parts))).encode()).hexdigest()  # noqa: S324 - see above


def _require_same(given: str, expected: str, name: str) -> None:
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise BadSignature(f"the {name} is absent or does not verify")


def _opened(app: App, query: Mapping[str, str], body: bytes) -> str:
    """What the envelope holds, by the key of now or by the one before it."""
    sealed = _envelope(body).get("Encrypt")
    if not isinstance(sealed, str) or not sealed:
        raise BadSignature("the push is not encrypted, and this app has an AES key")
    expected = _signature(app, query["timestamp"], query["nonce"], sealed)
    _require_same(query.get("msg_signature", ""), expected, "msg_signature")
    for key in app.push_aes_keys:
        try:
            content: str = PrpCrypto(base64.b64decode(f"{key}=")).decrypt(sealed, app.appid)
        except _UNREADABLE:
            continue
        return content
    raise UnreadableMessage("the push cannot be decrypted: was the EncodingAESKey changed?")


def _envelope(body: bytes) -> Mapping[str, Any]:
    return _of_json(body) if _is_json(body) else members(body)


def _message(content: str) -> Mapping[str, Any]:
    """The members of a message; those that XML nests are wechatpy's business."""
    text = content.encode()
    if _is_json(text):
        return _of_json(text)
    members(text)
    try:
        said: Mapping[str, Any] = parse_message(content)._data  # noqa: SLF001 - it keeps unknown events nowhere else
    except _UNREADABLE as error:
        raise UnreadableMessage("this is no message") from error
    return said


def _is_json(text: bytes) -> bool:
    return text.lstrip()[:1] == b"{"


def _of_json(text: bytes) -> Mapping[str, Any]:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnreadableMessage("this is not JSON") from error
    assert isinstance(said, dict)
    return said


def _identifier(said: Mapping[str, Any]) -> str:
    """The number of a message; of an event, which has none, a digest of all that it says.

    Reference: FromUserName, CreateTime and Event tell events apart. That alone would take two orders that are settled
    in the same second for one.
    """
    number = said.get("MsgId")
    if isinstance(number, str | int) and number:
        return "message:" + _digest(str(number))
    return "event:" + _digest(orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

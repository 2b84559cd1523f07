"""Pushes are proven before they are parsed: XML and JSON, plain and sealed, replayed, and XML that bites."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from tests.support.platform import NOON_MS, FakeSurroundings, an_app
from wxbackend.coordination.sqlite import SqliteCoordination
from wxbackend.domain.errors import BadSignature, CoordinationAway, StaleMessage, UnreadableMessage
from wxbackend.identity.hardened_xml import XML_BYTES_MAX, members
from wxbackend.identity.push import APART_S_MAX, WeChatPushes
from wxbackend.ports.accounts import App
from wxbackend.ports.pushes import Push
from wxbackend.simulators.wechat_platform.push_letters import JSON, XML, message_text, seal, signature

TOKEN: Final = "spamtest"
KEY: Final = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OLD_KEY: Final = "0123456789ABCDEFGabcdefghijklmnopqrstuvwxyz"
EVENT: Final[dict[str, Any]] = {
    "ToUserName": "gh_1",
    "FromUserName": "o1",
    "CreateTime": 1_795_000_000,
    "MsgType": "event",
    "Event": "Trade_Manage_Order_Settlement",
    "merchant_trade_no": "7",
    "settlement_time": 1_795_000_000,
}
TEXT: Final[dict[str, Any]] = {
    "ToUserName": "gh_1", "FromUserName": "o1", "CreateTime": 1, "MsgType": "text", "Content": "你好", "MsgId": "99",
}  # fmt: skip


def app(*keys: str) -> App:
    """An app with a token and these keys."""
    return an_app(push_token=TOKEN, push_aes_keys=keys)


def query(*sealed: str, at_s: int = NOON_MS // 1000, nonce: str = "n1", token: str = TOKEN) -> dict[str, str]:
    """What WeChat's address carries."""
    found = {"timestamp": str(at_s), "nonce": nonce, "signature": signature(token, str(at_s), nonce)}
    return found | ({"msg_signature": signature(token, str(at_s), nonce, *sealed)} if sealed else {})


@pytest.fixture
def reader(tmp_path: Any) -> WeChatPushes:
    """The reader at noon."""
    surroundings = FakeSurroundings()
    return WeChatPushes(SqliteCoordination(str(tmp_path / "c.db"), surroundings.now_ms), surroundings)


def sealed_push(reader: WeChatPushes, style: str, *, key: str = KEY, keys: tuple[str, ...] = (KEY,)) -> Push:
    """An event, sealed, as it is read."""
    box = seal(key, app().appid, message_text(EVENT, style))
    return reader.read(app(*keys), query(box), message_text({"Encrypt": box}, style).encode())


@pytest.mark.parametrize("style", [XML, JSON])
def test_a_plain_and_a_sealed_event_say_the_same_and_only_the_sealed_one_is_proof(
    reader: WeChatPushes, style: str
) -> None:
    plain = reader.read(app(), query(), message_text(EVENT, style).encode())
    sealed = sealed_push(reader, style)
    assert (plain.sealed, sealed.sealed) == (False, True)
    assert (plain.id, plain.event, plain.fields) == (sealed.id, sealed.event, sealed.fields)
    assert (sealed.kind, sealed.event) == ("event", "trade_manage_order_settlement")
    assert (sealed.fields["merchant_trade_no"], sealed.fields["settlement_time"]) == ("7", "1795000000")
    assert reader.reread(sealed.content, sealed=True) == sealed


def test_a_message_has_its_number_and_an_event_all_that_it_says(reader: WeChatPushes) -> None:
    def identifier(nonce: str, fields: dict[str, Any]) -> str:
        return reader.read(app(), query(nonce=nonce), message_text(fields, XML).encode()).id

    assert identifier("1", TEXT) == identifier("2", TEXT | {"Content": "another"})
    assert identifier("3", TEXT) != identifier("4", TEXT | {"MsgId": "100"})
    assert identifier("5", EVENT) == identifier("6", dict(EVENT))
    assert identifier("7", EVENT) != identifier("8", EVENT | {"merchant_trade_no": "8"})


def test_while_the_key_is_changed_the_one_before_opens_too(reader: WeChatPushes) -> None:
    assert sealed_push(reader, XML, key=OLD_KEY, keys=(KEY, OLD_KEY)).sealed
    with pytest.raises(UnreadableMessage):
        sealed_push(reader, XML, key=OLD_KEY, keys=(KEY,))


def test_a_push_for_another_app_does_not_open(reader: WeChatPushes) -> None:
    box = seal(KEY, "wx0000000000000000", message_text(EVENT, XML))
    with pytest.raises(UnreadableMessage):
        reader.read(app(KEY), query(box), message_text({"Encrypt": box}, XML).encode())


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce"])
def test_without_a_whole_proof_nothing_is_parsed(reader: WeChatPushes, name: str) -> None:
    asked = query()
    del asked[name]
    with pytest.raises(BadSignature):
        reader.read(app(), asked, b"<!DOCTYPE not even looked at")
    with pytest.raises(BadSignature):
        reader.prove_address(app(), asked | {"echostr": "1"})


@pytest.mark.parametrize("wrong", ["", "0" * 40, "é" * 40, "x"])
def test_a_wrong_signature_is_refused_whatever_it_is_made_of(reader: WeChatPushes, wrong: str) -> None:
    with pytest.raises(BadSignature):
        reader.read(app(), query() | {"signature": wrong}, b"{}")
    box = seal(KEY, app().appid, message_text(EVENT, JSON))
    with pytest.raises(BadSignature):
        reader.read(app(KEY), query(box) | {"msg_signature": wrong}, orjson.dumps({"Encrypt": box}))


@pytest.mark.parametrize("apart_s", [APART_S_MAX, -APART_S_MAX])
def test_a_push_is_good_for_ten_minutes(reader: WeChatPushes, apart_s: int) -> None:
    now_s = NOON_MS // 1000
    body = message_text(EVENT, XML).encode()
    assert reader.read(app(), query(at_s=now_s + apart_s), body).kind == "event"
    beyond = apart_s + (1 if apart_s > 0 else -1)
    with pytest.raises(StaleMessage):
        reader.read(app(), query(at_s=now_s + beyond), body)


def test_an_overheard_plain_proof_carries_no_other_body(reader: WeChatPushes) -> None:
    body = message_text(EVENT, XML).encode()
    first = reader.read(app(), query(), body)
    assert reader.read(app(), query(), body) == first
    with pytest.raises(BadSignature):
        reader.read(app(), query(), message_text(EVENT | {"merchant_trade_no": "8"}, XML).encode())


def test_pushes_go_on_while_the_shared_memory_is_away() -> None:
    class Away:
        def add(self, *_: Any, **__: Any) -> bool:
            raise CoordinationAway("gone")

    coordination: Any = Away()
    body = message_text(EVENT, XML).encode()
    assert WeChatPushes(coordination, FakeSurroundings()).read(app(), query(), body).event


def test_the_address_is_proven_by_giving_the_echostr_back(reader: WeChatPushes) -> None:
    assert reader.prove_address(app(), query() | {"echostr": "4711"}) == b"4711"
    for echo in ("", "x" * 513):
        with pytest.raises(UnreadableMessage):
            reader.prove_address(app(), query() | {"echostr": echo})


LAUGHS: Final = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xml><MsgType>&b;</MsgType></xml>'
FILE: Final = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><MsgType>&a;</MsgType></xml>'
BITING: Final = {
    "laughs": LAUGHS,
    "a file": FILE,
    "an outer DTD": b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/x.dtd"><xml><MsgType>event</MsgType></xml>',
    "an unknown entity": b"<xml><MsgType>&nbsp;</MsgType></xml>",
    "too large": b"<xml><MsgType>" + b"x" * XML_BYTES_MAX + b"</MsgType></xml>",
    "too deep": b"<a>" * 9 + b"</a>" * 9,
    "twice": b"<xml><MsgType>event</MsgType><MsgType>text</MsgType></xml>",
    "cut": b"<xml><MsgType>event",
    "two roots": b"<xml/><xml/>",
    "no text": b"",
    "another encoding": b'<?xml version="1.0" encoding="UTF-16"?><xml/>'.replace(b"xml/", b"\xff/"),
}


@pytest.mark.parametrize("what", sorted(BITING))
def test_xml_that_bites_is_refused_at_the_one_door(reader: WeChatPushes, what: str) -> None:
    with pytest.raises(UnreadableMessage):
        members(BITING[what])
    with pytest.raises(UnreadableMessage):
        reader.read(app(), query(nonce=what.replace(" ", "")), BITING[what])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"MsgType": 5}',
        b'{"MsgType": {"a": 1}}',
        b'{"MsgType": "event", "Event": ["x"]}',
        b'{"MsgType": "a\\u0000b"}',
        b'{"no": "type"}',
        b"<xml><Content>hello</Content></xml>",
        b"<xml><MsgType><a>b</a></MsgType></xml>",
        b"<other><MsgType>event</MsgType></other>",
        b"[]",
        b"\xff\xfe",
        b"plain words",
    ],
)
def test_what_is_no_message_is_unreadable_and_never_a_failure_of_ours(reader: WeChatPushes, body: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        reader.read(app(), query(), body)


@pytest.mark.parametrize("box", ["", "!", "AAAA", "A" * 64, "é", "=" * 44])
def test_what_does_not_open_is_refused_and_never_a_failure_of_ours(reader: WeChatPushes, box: str) -> None:
    with pytest.raises((UnreadableMessage, BadSignature)):
        reader.read(app(KEY), query(box), orjson.dumps({"Encrypt": box}))

"""A service provider's notices: every one of the four names is compared, and the openid goes by the order's app."""

from __future__ import annotations

import secrets
from base64 import b64encode
from typing import Any, Final

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.objects import an_attempt
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import Untrusted
from wxbackend.domain.misplaced_money import disagreement
from wxbackend.domain.observation import Paid, RefundSucceeded
from wxbackend.domain.terminal import Terminal
from wxbackend.flows.give_back import _certain
from wxbackend.ports.provider import Notice
from wxbackend.providers.wechat_v3 import notify, wire
from wxbackend.providers.wechat_v3.roles import ServiceProvider

KEY: Final = secrets.token_bytes(32)
SP: Final = "1900009231"
SUB: Final = "1900000119"
OTHER: Final = "1900000129"
SP_APP: Final = "wx5e21a9c7f04b3d86"
SUB_APP: Final = "wx6f32bad8015c4e97"
STRANGE_APP: Final = "wx0000000000000000"
ROLE: Final = ServiceProvider(SP, SP_APP)
IN_OUR_APP: Final[dict[str, Any]] = {"sp_appid": SP_APP, "sp_mchid": SP, "sub_mchid": SUB, "payer": {"sp_openid": "o1"}}
IN_THEIR_APP: Final[dict[str, Any]] = IN_OUR_APP | {
    "sub_appid": SUB_APP,
    "payer": {"sp_openid": "o1", "sub_openid": "o2"},
}
SIDES: Final = {"our app": (SP_APP, "o1", IN_OUR_APP), "their app": (SUB_APP, "o2", IN_THEIR_APP)}


def attempt(app: str, payer: str, **changes: Any) -> Attempt:
    """An order for the sub-merchant."""
    return an_attempt(merchant=SUB, app=app, payer=payer, **changes)


def heard(names: dict[str, Any], *, kind: str = "TRANSACTION.SUCCESS", **changes: Any) -> Notice:
    """What a notice with these names says; None takes a name out."""
    content = {
        "out_trade_no": "order11", "transaction_id": "4200", "trade_state": "SUCCESS", "trade_type": "JSAPI",
        "success_time": "2026-11-21T10:00:00+08:00", "amount": {"total": 2000, "currency": "CNY"}, **names, **changes,
    }  # fmt: skip
    content = {name: value for name, value in content.items() if value is not None}
    sealed = AESGCM(KEY).encrypt(b"0123456789ab", orjson.dumps(content), b"transaction")
    resource = {
        "algorithm": "AEAD_AES_256_GCM", "nonce": "0123456789ab", "associated_data": "transaction",
        "ciphertext": b64encode(sealed).decode(),
    }  # fmt: skip
    body = orjson.dumps({"id": "n1", "event_type": kind, "resource": resource})
    return notify.parse((KEY,), body, role=ROLE, mchid=SUB)


def paid(names: dict[str, Any], **changes: Any) -> Paid:
    """The payment in it."""
    said = heard(names, **changes).observation
    assert isinstance(said, Paid)
    return said


@pytest.mark.parametrize("side", SIDES)
def test_what_was_ordered_agrees_under_either_app(side: str) -> None:
    app, openid, names = SIDES[side]
    said = paid(names)
    assert (said.merchant, said.app, said.payer) == (SUB, app, openid)
    assert disagreement(attempt(app, openid), said) is None
    assert heard(names).merchant == SUB


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("lie", "field"),
    [
        ({"sub_mchid": OTHER}, "merchant"),
        ({"sp_mchid": "1900007777"}, "merchant"),
        ({"sp_appid": STRANGE_APP}, "merchant"),
        ({"sub_appid": STRANGE_APP}, "app"),
        ({"payer": {"sp_openid": "o8", "sub_openid": "o9"}}, "payer"),
    ],
    ids=["sub_mchid", "sp_mchid", "sp_appid", "sub_appid", "openid"],
)
def test_every_name_that_differs_is_wrong_money(side: str, lie: dict[str, Any], field: str) -> None:
    app, openid, names = SIDES[side]
    order = attempt(app, openid)
    found = disagreement(order, paid(names | lie))
    assert found is not None
    assert field in found.observed
    if field == "merchant":  # another merchant's money is for a person to look at, never given back by itself
        assert not _certain(found, order)


def test_money_of_another_service_provider_shows_whose_it_is() -> None:
    assert paid(IN_OUR_APP | {"sp_mchid": "1900007777"}).merchant == f"{SUB} through 1900007777"


def test_the_openid_of_one_app_is_never_taken_for_that_of_the_other() -> None:
    ours = attempt(SP_APP, "o1")
    assert disagreement(ours, paid(IN_THEIR_APP)) is not None
    swapped = paid(IN_THEIR_APP, payer={"sp_openid": "o2", "sub_openid": "o1"})
    found = disagreement(attempt(SUB_APP, "o2"), swapped)
    assert found is not None
    assert found.observed == {"payer": "another openid"}
    assert paid(IN_THEIR_APP, payer={"sp_openid": "o2"}).payer is None


@pytest.mark.parametrize("name", ["sp_mchid", "sub_mchid"])
def test_a_payment_that_does_not_say_whose_it_is_is_refused_and_comes_again(name: str) -> None:
    with pytest.raises(Untrusted, match=name):
        heard(IN_THEIR_APP | {name: None})


@pytest.mark.parametrize(
    ("lie", "believed"),
    [({}, True), ({"sub_mchid": OTHER}, False), ({"sp_mchid": "1900007777"}, False), ({"sub_mchid": None}, False)],
    ids=["ours", "another sub-merchant", "another service provider", "nobody's"],
)
def test_a_refund_is_believed_for_our_sub_merchant_only_and_asked_about_otherwise(
    lie: dict[str, Any], believed: bool
) -> None:
    names = {"sp_mchid": SP, "sub_mchid": SUB} | lie
    notice = heard(names, kind="REFUND.SUCCESS", out_refund_no="r1", refund_id="50", refund_status="SUCCESS")
    assert notice.out_refund_no == "r1"
    assert isinstance(notice.refund_observation, RefundSucceeded) is believed
    assert believed or notice.refund_observation is None


@pytest.mark.parametrize("terminal", [Terminal.OFFICIAL_ACCOUNT, Terminal.MINI_PROGRAM])
def test_an_order_names_the_one_openid_under_the_one_app(terminal: Terminal) -> None:
    ours = orjson.loads(wire.order_body(attempt(SP_APP, "o1", terminal=terminal), ROLE, notify_url="https://x/n"))
    assert (ours["payer"], "sub_appid" in ours) == ({"sp_openid": "o1"}, False)
    theirs = orjson.loads(wire.order_body(attempt(SUB_APP, "o2", terminal=terminal), ROLE, notify_url="https://x/n"))
    assert (theirs["payer"], theirs["sub_appid"]) == ({"sub_openid": "o2"}, SUB_APP)
    for body in (ours, theirs):
        assert (body["sp_mchid"], body["sp_appid"], body["sub_mchid"]) == (SP, SP_APP, SUB)
        assert "mchid" not in body
        assert "appid" not in body

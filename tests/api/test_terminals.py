"""QR codes, pages for browsers and apps: what opens them, what is refused, and never two payable orders."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.api.calling import INTENTS, OPENID_PARAM, nothing_changes, refused
from tests.journeys.reckoning import change
from tests.support.stack import BUYER, MINI_PROGRAM, MOBILE_APP, OFFICIAL_ACCOUNT, Answer, RunningStack

CLIENT_IP: Final = "payment_method_options[wechat_pay][client_ip]"
APP: Final = "payment_method_options[wechat_pay][app_id]"
HERS: Final = "36.110.147.2"
WEB: Final = {"terminal_type": "WEB"}
WAP: Final = {"terminal_type": "WAP", "client_ip": HERS}
IN_APP: Final = {"terminal_type": "APP"}
ALL: Final = (WEB, WAP, IN_APP)
NAMES: Final = ("WEB", "WAP", "APP")
KINDS: Final = {
    "WEB": "wechat_pay_display_qr_code", "WAP": "wechat_pay_redirect_to_web", "APP": "wechat_pay_app_params",
}  # fmt: skip
WRONG: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"terminal_type": "WEB", "openid": "o1"}, "parameter_unknown", OPENID_PARAM),
    ({"terminal_type": "APP", "openid": "o1"}, "parameter_unknown", OPENID_PARAM),
    (WAP | {"openid": "o1"}, "parameter_unknown", OPENID_PARAM),
    ({"terminal_type": "WAP"}, "parameter_missing", CLIENT_IP),
    ({"terminal_type": "WAP", "client_ip": ""}, "parameter_missing", CLIENT_IP),
    ({"terminal_type": "WAP", "client_ip": 7}, "parameter_invalid_string", CLIENT_IP),
    *(
        ({"terminal_type": "WAP", "client_ip": address}, "parameter_invalid", CLIENT_IP)
        for address in (
            "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "169.254.1.1", "fe80::1",
            "fe80::1%eth0", "224.0.0.1", "36.110.147", "36.110.147.2:80", "036.110.147.2", "buyer.example.com",
            "36.110.147.2, 10.0.0.1",
        )
    ),
    ({"terminal_type": "WEB", "app_id": "wx0000000000000000"}, "parameter_invalid", APP),
    ({"terminal_type": "APP", "app_id": OFFICIAL_ACCOUNT}, "parameter_invalid", APP),
]  # fmt: skip


def opened(stack: RunningStack, options: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An intent whose order is open there."""
    return stack.create_intent(confirm=True, payment_method_options={"wechat_pay": options}, **fields)


def confirm(stack: RunningStack, intent: dict[str, Any], options: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The same intent confirmed anew."""
    return stack.api(
        "POST", f"{INTENTS}/{intent['id']}/confirm", {"payment_method_options": {"wechat_pay": options}, **fields}
    )


def handed(intent: dict[str, Any]) -> Any:
    """What the front end was handed."""
    return intent["next_action"][intent["next_action"]["type"]]


def enter(stack: RunningStack, intent: dict[str, Any], outcome: str = "pay") -> dict[str, Any]:
    """The buyer comes in by what the front end was handed."""
    shown = handed(intent)
    path, wish = {
        KINDS["WEB"]: ("scan", {"code": shown.get("data")}),
        KINDS["WAP"]: ("open_h5", {"url": shown.get("url")}),
        KINDS["APP"]: ("pay_app", {"params": shown}),
    }[intent["next_action"]["type"]]
    found: dict[str, Any] = stack.desk("POST", f"/buyers/{BUYER}/{path}", wish | {"outcome": outcome})
    return found


def orders(stack: RunningStack, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """The intent's orders as the simulator has them, oldest first."""
    number = int(intent["id"].removeprefix("pi_"))
    rows = stack.rows("SELECT out_trade_no FROM attempts WHERE intent_id = ? ORDER BY id", number)
    return [stack.desk("GET", f"/orders/{row['out_trade_no']}") for row in rows]


@pytest.mark.parametrize("options", ALL, ids=NAMES)
def test_a_buyer_comes_in_pays_once_and_the_merchant_is_told(stack: RunningStack, options: dict[str, Any]) -> None:
    intent = opened(stack, options, return_url="https://shop.example.com/done")
    assert intent["next_action"]["type"] == KINDS[options["terminal_type"]]
    assert enter(stack, intent, "cancel").get("order", {}).get("trade_state") == "NOTPAY"
    assert stack.intent(intent["id"])["status"] == "requires_action"
    assert enter(stack, intent)["order"]["trade_state"] == "SUCCESS"
    paid = stack.wait_status(intent["id"], "succeeded")
    assert paid["amount_received"] == 2000
    assert "next_action" not in paid
    (told,) = stack.wait_for(lambda: stack.webhooks(intent, "payment_intent.succeeded"), "the webhook")
    assert told["subject"]["id"] == intent["id"]
    assert enter(stack, intent)["err_desc"] == "该订单已支付"


@pytest.mark.parametrize("options", ALL, ids=NAMES)
def test_confirming_again_in_the_same_place_gives_the_same_order(stack: RunningStack, options: dict[str, Any]) -> None:
    intent = opened(stack, options)
    again = confirm(stack, intent, options | {"os_type": "ANDROID"})
    assert handed(again) == handed(intent)
    assert len(orders(stack, intent)) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [(WEB, WAP), (WAP, IN_APP), (IN_APP, WEB), (WAP, WAP | {"client_ip": "36.110.147.3"})],
    ids=["web-wap", "wap-app", "app-web", "another-network"],
)
def test_another_place_closes_the_first_order_before_it_gets_its_own(
    stack: RunningStack, first: dict[str, Any], second: dict[str, Any]
) -> None:
    intent = opened(stack, first)
    again = confirm(stack, intent, second)
    assert [order["trade_state"] for order in orders(stack, intent)] == ["CLOSED", "NOTPAY"]
    assert enter(stack, intent)["err_desc"] == "该订单已失效"
    assert enter(stack, again)["order"]["trade_state"] == "SUCCESS"
    assert stack.wait_status(intent["id"], "succeeded")["amount_received"] == 2000


def test_a_code_gives_way_to_a_page_in_wechat_and_back(stack: RunningStack) -> None:
    intent = opened(stack, WEB)
    named = stack.paying_with("official_account")["payment_method_options"]["wechat_pay"]
    inside = confirm(stack, intent, named)
    assert enter(stack, intent)["err_desc"] == "该订单已失效"
    code = confirm(stack, inside, WEB)
    assert stack.pay(inside)["err_msg"] == "get_brand_wcpay_request:fail"
    assert enter(stack, code)["err_msg"] == "scan:ok"
    assert [order["trade_state"] for order in orders(stack, intent)] == ["CLOSED", "CLOSED", "SUCCESS"]
    assert "openid" not in stack.wait_status(intent["id"], "succeeded")["payment_method_options"]["wechat_pay"]


def test_another_return_address_is_what_the_page_comes_back_to(stack: RunningStack) -> None:
    intent = opened(stack, WAP, return_url="https://shop.example.com/one")
    again = confirm(stack, intent, WAP, return_url="https://shop.example.com/two")
    assert handed(again)["url"].endswith("redirect_url=https%3A%2F%2Fshop.example.com%2Ftwo")
    assert [order["trade_state"] for order in orders(stack, intent)] == ["CLOSED", "NOTPAY"]


def test_an_order_whose_answer_was_lost_is_the_same_order_when_it_is_shown(stack: RunningStack) -> None:
    stack.mischief(api=[{"fault": "drop_after", "path": "order", "times": 2}])
    intent = opened(stack, WEB)
    shown = stack.wait_for(
        lambda: found if "next_action" in (found := stack.intent(intent["id"])) else None, "the code"
    )
    assert len(orders(stack, intent)) == 1
    assert stack.call("GET", urlsplit(handed(shown)["image_url_png"]).path, key="").status == 200
    assert enter(stack, shown)["err_msg"] == "scan:ok"


@pytest.mark.parametrize(("options", "code", "param"), WRONG, ids=lambda value: repr(value)[:70])
def test_what_is_wrong_is_named_and_nothing_changes(
    stack: RunningStack, options: dict[str, Any], code: str, param: str
) -> None:
    body = {"amount": 2000, "currency": "CNY", "confirm": True, "payment_method_options": {"wechat_pay": options}}
    intent = stack.create_intent()
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, body), 400, code, param)
        refused(stack.call("POST", f"{INTENTS}/{intent['id']}/confirm", body_of(options)), 400, code, param)


def body_of(options: dict[str, Any]) -> dict[str, Any]:
    """A confirm."""
    return {"payment_method_options": {"wechat_pay": options}}


@pytest.mark.parametrize("url", ["/done", "//", "https:///done", "?paid"])
def test_a_page_can_only_come_back_to_a_host(stack: RunningStack, url: str) -> None:
    body = {"amount": 2000, "currency": "CNY", "confirm": True, "return_url": url} | body_of(WAP)
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, body), 400, "url_invalid", "return_url")


def test_an_ipv4_address_in_ipv6_clothes_is_ordered_with_as_it_is(stack: RunningStack) -> None:
    intent = opened(stack, WAP | {"client_ip": f"::ffff:{HERS}"})
    number = int(intent["id"].removeprefix("pi_"))
    assert stack.rows("SELECT client_ip FROM attempts WHERE intent_id = ?", number) == [{"client_ip": HERS}]


@pytest.mark.parametrize(
    ("options", "appid"),
    [
        (WEB, OFFICIAL_ACCOUNT),
        (WAP, OFFICIAL_ACCOUNT),
        (IN_APP, MOBILE_APP),
        (WEB | {"app_id": MINI_PROGRAM}, MINI_PROGRAM),
    ],
)
def test_the_account_has_one_app_for_it_or_the_named_one(
    stack: RunningStack, options: dict[str, Any], appid: str
) -> None:
    (order,) = orders(stack, opened(stack, options))
    assert order["appid"] == appid


def test_an_empty_openid_says_nothing_where_none_is_needed(stack: RunningStack) -> None:
    intent = opened(stack, WEB | {"openid": ""})
    assert intent["status"] == "requires_action"
    assert "openid" not in intent["payment_method_options"]["wechat_pay"]


# --- the buyer's side ------------------------------------------------------------------------------


def by_buyer(stack: RunningStack, intent: dict[str, Any], options: dict[str, Any]) -> Answer:
    """A confirm with the publishable key, without any login."""
    headers = {"Client-Secret": intent["client_secret"]}
    path = f"{INTENTS}/{intent['id']}/confirm"
    return stack.call("POST", path, body_of(options), key=stack.publishable_key, headers=headers)


@pytest.mark.parametrize("options", ALL, ids=NAMES)
def test_the_buyers_side_needs_no_login_where_nobody_is_named(stack: RunningStack, options: dict[str, Any]) -> None:
    answer = by_buyer(stack, stack.create_intent(), options)
    assert answer.status == 200, answer.body
    assert answer.json()["next_action"]["type"] == KINDS[options["terminal_type"]]
    assert "client_secret" not in answer.json()


def test_the_buyers_side_is_where_its_call_comes_from(stack: RunningStack) -> None:
    """Here that is this machine, which is refused as it would be if it were written down."""
    intent = stack.create_intent()
    with nothing_changes(stack):
        refused(by_buyer(stack, intent, {"terminal_type": "WAP"}), 400, "parameter_invalid", CLIENT_IP)


def test_a_login_is_still_needed_inside_wechat(stack: RunningStack) -> None:
    intent = stack.create_intent()
    with nothing_changes(stack):
        answer = by_buyer(stack, intent, {"terminal_type": "official_account"})
        assert answer.json()["error"]["code"] == "login_required"


# --- pictures ----------------------------------------------------------------------------------------


def picture(stack: RunningStack, url: str, **more: Any) -> Answer:
    """Fetch a picture as a page would: without any key."""
    assert url.startswith(stack.web_url)
    return stack.call("GET", url.removeprefix(stack.web_url), key="", **more)


def test_a_page_shows_the_picture_without_a_key_until_the_code_ends(stack: RunningStack) -> None:
    intent = opened(stack, WEB)
    shown = handed(intent)
    for kind, content_type, begins in (("png", "image/png", b"\x89PNG"), ("svg", "image/svg+xml", b"<?xml")):
        answer = picture(stack, shown[f"image_url_{kind}"])
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(content_type)
        assert answer.body.startswith(begins)
        assert picture(stack, shown[f"image_url_{kind}"]).body == answer.body
        kind_of_cache, lasts = answer.headers["cache-control"].split(", max-age=")
        assert kind_of_cache == "private"
        assert 0 < int(lasts) * 1000 <= shown["expires_at"] - intent["created"]


def test_the_link_holds_no_secret_of_the_intent_and_is_not_to_be_guessed(stack: RunningStack) -> None:
    intent = opened(stack, WEB)
    url = handed(intent)["image_url_png"]
    assert intent["client_secret"].partition("_secret_")[2] not in url
    assert stack.secret_key not in url
    assert stack.publishable_key not in url
    other = handed(opened(stack, WEB))["image_url_png"]
    ours, theirs = url.rpartition("/"), other.rpartition("/")
    for guess in (f"{ours[0]}/{theirs[2]}", f"{ours[0]}/.png", f"{ours[0]}/x.png", url.replace(".png", ".gif")):
        assert picture(stack, guess).status == 404, guess
    assert picture(stack, url).status == 200
    assert ours[2].removesuffix(".png") not in stack.log("web")


def test_the_picture_ends_with_its_order(stack: RunningStack) -> None:
    paid, gone = opened(stack, WEB), opened(stack, WEB)
    enter(stack, paid)
    stack.wait_status(paid["id"], "succeeded")
    confirm(stack, gone, IN_APP)
    in_app = opened(stack, IN_APP)
    for intent in (paid, gone):
        assert picture(stack, handed(intent)["image_url_svg"]).status == 404
    number = int(in_app["id"].removeprefix("pi_"))
    (row,) = stack.rows("SELECT id FROM attempts WHERE intent_id = ?", number)
    for nowhere in (f"{row['id']}/.png", f"{2**63}/x.png", f"{10**40}/x.svg", "-1/x.png", "0/x.png", "x/x.png"):
        assert stack.call("GET", f"/pay/qr/{nowhere}", key="").status == 404, nowhere


# --- time --------------------------------------------------------------------------------------------


def now_ms() -> int:
    """By our clock."""
    return time.time_ns() // 1_000_000


def test_a_code_that_has_ended_is_replaced_by_a_fresh_one_of_the_same_order(stack: RunningStack) -> None:
    intent = opened(stack, WEB)
    number = int(intent["id"].removeprefix("pi_"))
    two_hours_ago = "UPDATE attempts SET presentable_until_ms = ?, sent_ms = sent_ms - 7200000 WHERE intent_id = ?"
    change(stack, two_hours_ago, now_ms() - 1, number)
    assert picture(stack, handed(intent)["image_url_png"]).status == 404
    again = confirm(stack, intent, WEB)
    assert handed(again)["data"] != handed(intent)["data"]
    assert handed(again)["expires_at"] > now_ms()
    assert picture(stack, handed(again)["image_url_png"]).status == 200
    assert picture(stack, handed(intent)["image_url_png"]).status == 404
    assert len(orders(stack, intent)) == 1
    assert enter(stack, again)["err_msg"] == "scan:ok"


def test_an_order_whose_time_is_over_is_closed_and_replaced(stack: RunningStack) -> None:
    intent = opened(stack, WEB)
    number = int(intent["id"].removeprefix("pi_"))
    change(stack, "UPDATE attempts SET expires_ms = ? WHERE intent_id = ?", now_ms() + 1_000, number)
    again = confirm(stack, intent, WEB)
    assert [order["trade_state"] for order in orders(stack, intent)] == ["CLOSED", "NOTPAY"]
    assert enter(stack, again)["err_msg"] == "scan:ok"
    assert stack.wait_status(intent["id"], "succeeded")["amount_received"] == 2000


def test_two_confirms_at_once_show_a_code_that_can_be_scanned(stack: RunningStack) -> None:
    """A repeat of the order would end the code that the first call is about to be handed."""
    intent = stack.create_intent()
    stack.mischief(api=[{"fault": "slow_body", "path": "order", "times": 1, "latency_s": 2.5}])
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(confirm, stack, intent, WEB)
        number = int(intent["id"].removeprefix("pi_"))
        stack.wait_for(lambda: asked(stack, number), "the order")
        second = confirm(stack, intent, WEB)
        first = slow.result()
    assert second["status"] == "requires_action"
    shown = stack.intent(intent["id"])
    assert handed(shown) == handed(first)
    assert enter(stack, shown)["err_msg"] == "scan:ok"
    assert len(orders(stack, intent)) == 1


def asked(stack: RunningStack, intent_number: int) -> bool:
    """Whether WeChat has an order of the intent."""
    known = {order["out_trade_no"] for order in stack.desk("GET", "/orders")["orders"]}
    rows = stack.rows("SELECT out_trade_no FROM attempts WHERE intent_id = ?", intent_number)
    return any(row["out_trade_no"] in known for row in rows)

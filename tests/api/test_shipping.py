"""Shipping over HTTP: a mini program's payment from frozen to free, and what is refused by name and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest

from tests.api.calling import INTENTS, form, nothing_changes, refused
from tests.journeys.reckoning import change
from tests.support import workshop
from tests.support.stack import MINI_PROGRAM, RunningStack

VIRTUAL: Final[dict[str, Any]] = {"logistics_type": "virtual", "items": [{"description": "会员，一年"}]}
PARCEL: Final = {"description": "tea", "tracking_number": "Z1", "carrier": "ZTO"}
EXPRESS: Final[dict[str, Any]] = {"logistics_type": "express", "items": [PARCEL]}
SPLIT: Final[dict[str, Any]] = EXPRESS | {"delivery_mode": "split"}


@pytest.fixture(autouse=True)
def listening(stack: RunningStack) -> Iterator[None]:
    """WeChat knows payments at once, and pushes to the stack."""
    stack.desk("POST", "/shipping/rules", {"not_known_s": 0})
    url = f"{stack.web_url}/pushes/wechat/{MINI_PROGRAM}"
    stack.desk("POST", f"/apps/{MINI_PROGRAM}/push", {"url": url, "mode": "safe", "format": "json"})
    yield
    stack.desk("GET", "/pushes?wait_s=10")


def paid(stack: RunningStack) -> dict[str, Any]:
    """An intent that a mini program's buyer has paid."""
    intent = stack.confirmed_intent("mini_program")
    stack.pay(intent)
    return stack.wait_status(intent["id"], "succeeded")


def path_of(intent: dict[str, Any]) -> str:
    """Where its shipping is."""
    return f"{INTENTS}/{intent['id']}/shipping"


def frozen(stack: RunningStack) -> int:
    """What the balance shows as frozen."""
    found = stack.api("GET", "/v1/balance")["frozen"]
    return int(found[0]["amount"]) if found else 0


def test_a_payment_is_frozen_until_it_is_shipped_and_settled_and_the_shop_is_told(stack: RunningStack) -> None:
    before = frozen(stack)
    intent = paid(stack)
    waiting = stack.api("GET", path_of(intent))
    assert (waiting["status"], waiting["amount_frozen"], frozen(stack) - before) == ("awaiting_shipment", 2000, 2000)
    shipped = stack.api("POST", path_of(intent), VIRTUAL)
    assert (shipped["status"], shipped["items"], shipped["corrections_left"]) == ("shipped", VIRTUAL["items"], 1)
    assert stack.api("POST", f"{path_of(intent)}/remind", {})["reminded_at"]
    stack.desk("POST", f"/shipping/{stack.out_trade_no(intent)}/settle")
    stack.wait_for(lambda: stack.api("GET", path_of(intent))["status"] == "settled", "the money to be free")
    assert (frozen(stack), stack.api("GET", path_of(intent))["amount_frozen"]) == (before, 0)
    stack.wait_for(lambda: stack.webhooks(intent, "payment_intent.settled"), "the shop to hear of it")
    stack.wait_for(lambda: stack.webhooks(intent, "shipping.uploaded"), "the shop to hear of it")
    assert stack.intent(intent["id"])["status"] == "succeeded"


def test_a_form_says_the_same_as_json(stack: RunningStack) -> None:
    intent = paid(stack)
    told = {
        "logistics_type": "EXPRESS",
        "delivery_mode": "split",
        "all_shipped": "false",
        "items[0][description]": "tea",
        "items[0][tracking_number]": "Z1",
        "items[0][carrier]": "SF",
        "items[0][receiver_contact]": "189****1234",
        "items[1][description]": "cups",
        "items[1][tracking_number]": "Z2",
        "items[1][carrier]": "ZTO",
    }
    answer = form(stack, path_of(intent), told)
    assert answer.status == 200, answer.body
    assert (answer.json()["status"], answer.json()["all_shipped"]) == ("partly_shipped", False)
    rest = SPLIT | {"all_shipped": True, "items": [PARCEL | {"tracking_number": "Z3"}]}
    shipped = stack.api("POST", path_of(intent), rest)
    assert (shipped["status"], [item["tracking_number"] for item in shipped["items"]]) == (
        "shipped",
        ["Z1", "Z2", "Z3"],
    )


BAD: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({}, "parameter_missing", "logistics_type"),
    ({"logistics_type": "drone", "items": VIRTUAL["items"]}, "parameter_invalid_enum", "logistics_type"),
    ({"logistics_type": 3, "items": VIRTUAL["items"]}, "parameter_invalid_string", "logistics_type"),
    (VIRTUAL | {"delivery_mode": "thrown"}, "parameter_invalid_enum", "delivery_mode"),
    (VIRTUAL | {"delivery_mode": "split", "all_shipped": True}, "parameter_invalid", "delivery_mode"),
    (VIRTUAL | {"all_shipped": False}, "parameter_invalid", "all_shipped"),
    (VIRTUAL | {"all_shipped": "perhaps"}, "parameter_invalid_boolean", "all_shipped"),
    (SPLIT, "parameter_missing", "all_shipped"),
    ({"logistics_type": "virtual"}, "parameter_missing", "items"),
    (VIRTUAL | {"items": None}, "parameter_invalid_empty", "items"),
    (VIRTUAL | {"items": "tea"}, "parameter_invalid", "items"),
    (VIRTUAL | {"items": []}, "parameter_missing", "items"),
    (VIRTUAL | {"items": ["tea"]}, "parameter_invalid", "items[0]"),
    (VIRTUAL | {"items": [{}]}, "parameter_missing", "items[0][description]"),
    (VIRTUAL | {"items": [{"description": ""}]}, "parameter_invalid_empty", "items[0][description]"),
    (VIRTUAL | {"items": [{"description": "x" * 121}]}, "parameter_too_long", "items[0][description]"),
    (VIRTUAL | {"items": [{"description": "a", "weight": 1}]}, "parameter_unknown", "items[0][weight]"),
    (VIRTUAL | {"items": [PARCEL]}, "parameter_invalid", "items[0][tracking_number]"),
    (VIRTUAL | {"items": [{"description": "a"}] * 2}, "parameter_invalid", "items"),
    (EXPRESS | {"items": [{"description": "a"}]}, "parameter_missing", "items[0][tracking_number]"),
    (EXPRESS | {"items": [PARCEL | {"carrier": ""}]}, "parameter_missing", "items[0][carrier]"),
    (EXPRESS | {"items": [PARCEL | {"carrier": "SF"}]}, "parameter_missing", "items[0][receiver_contact]"),
    (EXPRESS | {"items": [PARCEL | {"consignor_contact": "1"}]}, "parameter_invalid", "items[0][consignor_contact]"),
    (EXPRESS | {"items": [PARCEL | {"tracking_number": "Z" * 129}]}, "parameter_too_long", "items[0][tracking_number]"),
    (SPLIT | {"all_shipped": True, "items": [PARCEL] * 2}, "parameter_invalid", "items"),
    (SPLIT | {"all_shipped": True, "items": [PARCEL] * 16}, "parameter_too_long", "items"),
    (VIRTUAL | {"upload_time": "now"}, "parameter_unknown", "upload_time"),
]


def test_a_wrong_parameter_is_named_and_changes_nothing(stack: RunningStack) -> None:
    intent = paid(stack)
    with nothing_changes(stack):
        for body, code, param in BAD:
            refused(stack.call("POST", path_of(intent), body), 400, code, param)
        for moment, code in ((-5, "parameter_invalid_integer"), ("soon", "parameter_invalid_integer")):
            refused(stack.call("POST", f"{path_of(intent)}/remind", {"received_at": moment}), 400, code, "received_at")
    assert stack.desk("GET", f"/shipping/{stack.out_trade_no(intent)}")["uploads"] == 0


def test_what_cannot_be_shipped_says_why_and_changes_nothing(stack: RunningStack) -> None:
    unpaid = stack.confirmed_intent("mini_program")
    elsewhere = stack.confirmed_intent()
    stack.pay(elsewhere)
    stack.wait_status(elsewhere["id"], "succeeded")
    mine = paid(stack)
    with nothing_changes(stack):
        refused(stack.call("POST", path_of(unpaid), VIRTUAL), 400, "shipping_not_paid")
        refused(stack.call("POST", path_of(elsewhere), VIRTUAL), 400, "shipping_not_needed")
        refused(stack.call("GET", path_of(elsewhere)), 404, "resource_missing", "id")
        refused(stack.call("POST", f"{path_of(mine)}/remind", {}), 400, "reminder_refused")
        refused(stack.call("POST", path_of(mine), VIRTUAL, key=stack.publishable_key), 403, "secret_key_required")
        refused(stack.call("GET", f"{INTENTS}/pi_1/shipping"), 404, "resource_missing", "id")


def test_a_lost_answer_shows_as_pending_and_is_found_out_by_the_worker(stack: RunningStack) -> None:
    intent = paid(stack)
    stack.mischief(platform={"shipping_drop_after": {"times": 1}})
    assert stack.api("POST", path_of(intent), VIRTUAL)["status"] == "pending"
    refused(stack.call("POST", path_of(intent), VIRTUAL), 400, "shipping_in_progress")
    stack.wait_for(lambda: stack.api("GET", path_of(intent))["status"] == "shipped", "the worker to ask")
    assert stack.desk("GET", f"/shipping/{stack.out_trade_no(intent)}")["uploads"] == 1


def awaited(stack: RunningStack) -> dict[str, float]:
    """How many orders WeChat waits for, by how urgent they are."""
    scraped = stack.call("GET", "/metrics", key="").body.decode()
    found = dict(re.findall(r'^wxbackend_shippings_awaited\{when="(\w+)"\} (\S+)$', scraped, re.MULTILINE))
    assert set(found) == {"overdue", "within_a_day"}
    return {when: float(count) for when, count in found.items()}


def test_what_wechat_waits_for_too_long_is_shown_in_the_list_the_metrics_and_on_the_command_line(
    stack: RunningStack,
) -> None:
    before = awaited(stack)
    late, soon = paid(stack), paid(stack)
    hour_ms = 3_600_000
    for intent, hours in ((late, 49), (soon, 30)):
        number = int(intent["id"].removeprefix("pi_"))
        change(stack, "UPDATE shippings SET ship_by_ms = ship_by_ms - ? WHERE intent_id = ?", hours * hour_ms, number)
    listed = stack.api("GET", "/v1/shippings?overdue=true&status=awaiting_shipment&limit=100")
    assert set(listed) == {"object", "url", "has_more", "data"}
    assert [shown["payment_intent"] for shown in listed["data"]] == [soon["id"], late["id"]]
    first = stack.api("GET", "/v1/shippings?overdue=true&limit=1")
    assert first["has_more"] is True
    after = stack.api("GET", f"/v1/shippings?overdue=true&starting_after={first['data'][0]['id']}")
    assert [shown["payment_intent"] for shown in after["data"]] == [late["id"]]
    refused(stack.call("GET", "/v1/shippings?status=lost"), 400, "parameter_invalid_enum", "status")
    assert awaited(stack) == {when: count + 1 for when, count in before.items()}
    ran = workshop.run(["shipping", "overdue", "--json"], stack.stack.environment())
    assert ran.status == 0, ran.err
    found = [orjson.loads(line) for line in ran.out.splitlines()]
    ours = [one for one in found if one["payment_intent"] in (late["id"], soon["id"])]
    assert [one["payment_intent"] for one in ours] == [late["id"], soon["id"]]
    assert [one["hours_left"] < 0 for one in ours] == [True, False]
    for intent in (late, soon):
        assert stack.api("POST", path_of(intent), VIRTUAL)["status"] == "shipped"
    assert stack.api("GET", "/v1/shippings?overdue=true")["data"] == []

"""Discrepancies over HTTP: listed with filters, read, resolved once with a note, and nobody else's business."""

from __future__ import annotations

import uuid
from typing import Any, Final

from tests.api.calling import refused
from tests.support.stack import MCHID, RunningStack

PATH: Final = "/v1/discrepancies"


def money_of_nobody(stack: RunningStack) -> dict[str, Any]:
    """A proven notice about an order that was never made here."""
    intent = stack.confirmed_intent()
    stack.pay(intent)
    stack.wait_status(intent["id"], "succeeded")
    transaction = uuid.uuid4().hex
    told = {"out_trade_no": f"none{uuid.uuid4().hex[:20]}", "transaction_id": transaction}
    forged = {"sign": "valid", "out_trade_no": stack.out_trade_no(intent), "plaintext_overrides": told}
    stack.desk("POST", "/notices/forge", forged | {"url": f"{stack.web_url}/notices/wechat_v3/{MCHID}"})

    def found() -> list[dict[str, Any]]:
        listed = stack.api("GET", f"{PATH}?kind=unmatched&status=open")["data"]
        return [each for each in listed if each["transaction_id"] == transaction]

    (recorded,) = stack.wait_for(found, "the money to be recorded")
    return recorded


def test_a_discrepancy_is_listed_read_and_resolved_once(stack: RunningStack) -> None:
    found = money_of_nobody(stack)
    path = f"{PATH}/{found['id']}"
    assert stack.api("GET", path) == found
    assert (found["object"], found["status"], found["kind"]) == ("discrepancy", "open", "unmatched")
    resolved = stack.api("POST", f"{path}/resolve", {"note": "the stall's own till"})
    assert (resolved["status"], resolved["resolution"]) == ("resolved", "settled")
    assert resolved["note"] == "the stall's own till"
    assert stack.api("POST", f"{path}/resolve", {"note": "something else"}) == resolved
    assert stack.api("GET", path) == resolved
    open_ones = stack.api("GET", f"{PATH}?status=open&limit=100")["data"]
    assert found["id"] not in [each["id"] for each in open_ones]
    listed = stack.api("GET", f"{PATH}?status=resolved&limit=100")
    assert (listed["object"], listed["url"]) == ("list", PATH)
    assert resolved in listed["data"]
    events = stack.api("GET", "/v1/events?type=discrepancy.resolved&limit=100")["data"]
    assert [event["data"]["object"] for event in events if event["data"]["object"]["id"] == found["id"]] == [resolved]


def test_resolving_is_in_the_log_without_the_note(stack: RunningStack) -> None:
    found = money_of_nobody(stack)
    stack.api("POST", f"{PATH}/{found['id']}/resolve", {"note": "nobody's own words"})
    line = next(
        line for line in stack.log("web").splitlines() if "discrepancy_resolved" in line and found["id"] in line
    )
    assert "own words" not in line


def test_wrong_parameters_are_refused_by_name(stack: RunningStack) -> None:
    for query, code, param in (
        ("status=closed", "parameter_invalid_enum", "status"),
        ("kind=strange", "parameter_invalid_enum", "kind"),
        ("bill_date=21.11.2026", "parameter_invalid", "bill_date"),
        ("bill_date=20261121", "parameter_invalid", "bill_date"),
        ("colour=red", "parameter_unknown", "colour"),
    ):
        refused(stack.call("GET", f"{PATH}?{query}"), 400, code, param)
    nobody = f"{PATH}/dsc_{1:019d}"
    refused(stack.call("GET", nobody), 404, "resource_missing", "id")
    refused(stack.call("POST", f"{nobody}/resolve", {"note": "x"}), 404, "resource_missing", "id")
    refused(stack.call("POST", f"{nobody}/resolve", {}), 400, "parameter_missing", "note")
    refused(stack.call("POST", f"{nobody}/resolve", {"note": "x" * 501}), 400, "parameter_too_long", "note")
    assert stack.call("GET", PATH, key=stack.publishable_key).status == 403
    assert stack.call("POST", f"{nobody}/resolve", {"note": "x"}, key="").status == 401

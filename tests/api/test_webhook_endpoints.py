"""Webhook endpoints over HTTP: made, read, changed, rotated and deleted; by hand and by the Stripe SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import stripe

from tests.api.calling import form, nothing_changes, refused
from tests.support.stack import RunningStack
from wxbackend.domain.endpoint import ENDPOINTS_MAX

PATH: Final = "/v1/webhook_endpoints"
URL: Final = "http://127.0.0.1:9/webhooks"
GOOD: Final[dict[str, Any]] = {"url": URL, "enabled_events": ["discrepancy.opened"]}
SETTINGS: Final = "we_demo_shop"


@pytest.fixture(autouse=True)
def tidy(shared_stack: RunningStack) -> Iterator[None]:
    """Every test leaves only the endpoint of the settings."""
    yield
    for endpoint in shared_stack.api("GET", f"{PATH}?limit=100")["data"]:
        if endpoint["id"] != SETTINGS:
            shared_stack.api("DELETE", f"{PATH}/{endpoint['id']}")


def make(stack: RunningStack, **fields: Any) -> dict[str, Any]:
    """An endpoint that was just made."""
    return stack.api("POST", PATH, GOOD | fields)


def rows(stack: RunningStack) -> list[dict[str, Any]]:
    """What the database holds of them."""
    return stack.rows("SELECT * FROM webhook_endpoints ORDER BY id")


def test_the_secret_is_shown_when_it_is_made_and_never_again(stack: RunningStack) -> None:
    made = make(stack, description="仓库", metadata={"a": "b"}, api_version="1.0.1")
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(secret) > 30
    assert made == {
        "id": made["id"], "object": "webhook_endpoint", "api_version": "1.0.1", "created": made["created"],
        "description": "仓库", "enabled_events": ["discrepancy.opened"], "livemode": False, "metadata": {"a": "b"},
        "status": "enabled", "url": URL,
    }  # fmt: skip
    assert stack.api("GET", f"{PATH}/{made['id']}") == made
    assert made in stack.api("GET", PATH)["data"]
    updated = stack.api("POST", f"{PATH}/{made['id']}", {"description": "", "metadata": {"a": ""}, "disabled": True})
    assert "secret" not in updated
    assert updated["status"] == "disabled"
    assert not {"description", "metadata"} & set(updated)


def test_an_update_changes_what_it_names_and_nothing_else(stack: RunningStack) -> None:
    made = make(stack, description="x")
    del made["secret"]
    path = f"{PATH}/{made['id']}"
    assert stack.api("POST", path, {}) == made
    changed = stack.api("POST", path, {"url": "http://127.0.0.1:9/b", "enabled_events": ["*", "refund.created"]})
    assert changed == made | {"url": "http://127.0.0.1:9/b", "enabled_events": ["*"]}
    assert stack.api("POST", path, {"disabled": "True"})["status"] == "disabled"
    assert stack.api("POST", path, {"disabled": False})["status"] == "enabled"


def test_rotation_shows_another_secret_once(stack: RunningStack) -> None:
    made = make(stack)
    rotated = stack.api("POST", f"{PATH}/{made['id']}/rotate_secret")
    assert rotated["secret"] != made["secret"]
    assert rotated | {"secret": ""} == made | {"secret": ""}
    assert "secret" not in stack.api("GET", f"{PATH}/{made['id']}")


def test_a_repeated_creation_and_rotation_give_the_same_bytes_and_make_nothing(stack: RunningStack) -> None:
    key = {"Idempotency-Key": "endpoint-once"}
    first, again = (stack.call("POST", PATH, GOOD, headers=key) for _ in range(2))
    assert first.body == again.body
    assert again.headers["idempotent-replayed"] == "true"
    assert len(rows(stack)) == 1
    path, key = f"{PATH}/{first.json()['id']}/rotate_secret", {"Idempotency-Key": "rotate-once"}
    assert len({stack.call("POST", path, headers=key).body for _ in range(2)}) == 1
    assert len(rows(stack)) == 1


def test_a_deleted_endpoint_is_gone(stack: RunningStack) -> None:
    made = make(stack)
    path = f"{PATH}/{made['id']}"
    assert stack.api("DELETE", path) == {"id": made["id"], "object": "webhook_endpoint", "deleted": True}
    for method, place in (("GET", path), ("POST", path), ("DELETE", path), ("POST", f"{path}/rotate_secret")):
        refused(stack.call(method, place), 404, "resource_missing", "id")


def test_one_of_the_settings_is_shown_and_cannot_be_changed(stack: RunningStack) -> None:
    found = stack.api("GET", f"{PATH}/{SETTINGS}")
    assert (found["read_only"], found["enabled_events"], found["status"]) == (True, ["*"], "enabled")
    assert "secret" not in found
    for method, place in (("POST", SETTINGS), ("DELETE", SETTINGS), ("POST", f"{SETTINGS}/rotate_secret")):
        refused(stack.call(method, f"{PATH}/{place}"), 400, "webhook_endpoint_read_only")


def test_pages_joined_are_the_whole_list_in_both_directions(stack: RunningStack) -> None:
    made = [make(stack)["id"] for _ in range(3)]
    whole = [*made[::-1], SETTINGS]
    assert [each["id"] for each in stack.api("GET", PATH)["data"]] == whole
    first = stack.api("GET", f"{PATH}?limit=2")
    assert ([each["id"] for each in first["data"]], first["has_more"], first["url"]) == (whole[:2], True, PATH)
    rest = stack.api("GET", f"{PATH}?limit=2&starting_after={whole[1]}")
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (whole[2:], False)
    back = stack.api("GET", f"{PATH}?limit=2&ending_before={SETTINGS}")
    assert ([each["id"] for each in back["data"]], back["has_more"]) == (whole[1:3], True)
    refused(stack.call("GET", f"{PATH}?starting_after=we_nobody"), 400, "resource_missing", "starting_after")
    refused(stack.call("GET", f"{PATH}?limit=0"), 400, "parameter_invalid_integer", "limit")


def test_sixteen_are_the_most(stack: RunningStack) -> None:
    for _ in range(ENDPOINTS_MAX):
        make(stack)
    refused(stack.call("POST", PATH, GOOD), 400, "webhook_endpoints_too_many")
    assert len(rows(stack)) == ENDPOINTS_MAX


BAD: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"url": None}, "parameter_invalid_empty", "url"),
    ({"url": ""}, "parameter_invalid_empty", "url"),
    ({"url": 7}, "parameter_invalid_string", "url"),
    *[({"url": url}, "url_invalid", "url") for url in (
        "shop.example/webhooks", "ftp://a/", "javascript:alert(1)", "file:///etc/passwd", "http://", "https:///path",
        "http://user@a/", "http://user:pass@a/", "http://a/#b", "http://a b/", "http://a:0/", "http://a:port/",
        "http://a:99999/", "http://[::1/", "http://a\\b/", "http://аpple.example/", "http://a/\n",
    )],
    ({"url": "http://a/" + "b" * 2048}, "parameter_too_long", "url"),
    ({"enabled_events": []}, "parameter_invalid_empty", "enabled_events"),
    ({"enabled_events": ["payment_intent.*"]}, "parameter_invalid_enum", "enabled_events"),
    ({"enabled_events": ["PAYMENT_INTENT.SUCCEEDED"]}, "parameter_invalid_enum", "enabled_events"),
    ({"enabled_events": ["*", "nothing"]}, "parameter_invalid_enum", "enabled_events"),
    ({"enabled_events": "*"}, "parameter_invalid", "enabled_events"),
    ({"enabled_events": [1]}, "parameter_invalid", "enabled_events"),
    ({"enabled_events": None}, "parameter_invalid_empty", "enabled_events"),
    ({"description": "a" * 501}, "parameter_too_long", "description"),
    ({"metadata": ["x"]}, "parameter_invalid", "metadata"),
    ({"secret": "whsec_mine"}, "parameter_unknown", "secret"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "code", "param"), BAD, ids=lambda value: repr(value)[:50])
def test_what_is_wrong_is_refused_by_name_when_making_and_when_changing(
    stack: RunningStack, fields: dict[str, Any], code: str, param: str
) -> None:
    made = make(stack)
    before = rows(stack)
    with nothing_changes(stack):
        refused(stack.call("POST", PATH, GOOD | fields), 400, code, param)
        refused(stack.call("POST", f"{PATH}/{made['id']}", fields), 400, code, param)
    assert rows(stack) == before


def test_what_only_one_of_the_two_knows_or_needs(stack: RunningStack) -> None:
    refused(stack.call("POST", PATH, {"enabled_events": ["*"]}), 400, "parameter_missing", "url")
    refused(stack.call("POST", PATH, {"url": URL}), 400, "parameter_missing", "enabled_events")
    refused(stack.call("POST", PATH, GOOD | {"disabled": True}), 400, "parameter_unknown", "disabled")
    refused(
        stack.call("POST", PATH, GOOD | {"api_version": "2020-08-27"}), 400, "parameter_invalid_enum", "api_version"
    )
    path = f"{PATH}/{make(stack)['id']}"
    refused(stack.call("POST", path, {"api_version": "1.0.1"}), 400, "parameter_unknown", "api_version")
    refused(stack.call("POST", path, {"disabled": "yes"}), 400, "parameter_invalid_boolean", "disabled")


def test_a_form_says_the_same(stack: RunningStack) -> None:
    answer = form(stack, PATH, {"url": URL, "enabled_events[0]": "refund.created", "metadata[a]": "b"})
    assert answer.json()["enabled_events"] == ["refund.created"]


def test_a_publishable_key_may_do_none_of_it(stack: RunningStack) -> None:
    path, key = f"{PATH}/{make(stack)['id']}", stack.publishable_key
    before = rows(stack)
    calls = [("POST", PATH, GOOD), ("GET", PATH, None), ("GET", path, None), ("POST", path, {"disabled": True}),
             ("POST", f"{path}/rotate_secret", None), ("DELETE", path, None)]  # fmt: skip
    for method, place, body in calls:
        refused(stack.call(method, place, body, key=key), 403, "secret_key_required")
        refused(stack.call(method, place, body, key=""), 401, "api_key_missing")
    assert rows(stack) == before


def test_the_stripe_sdk_makes_reads_changes_lists_and_deletes(stack: RunningStack) -> None:
    endpoints = stripe.StripeClient(stack.secret_key, base_addresses={"api": stack.web_url}).v1.webhook_endpoints
    made = endpoints.create({"url": URL, "enabled_events": ["*"], "description": "sdk", "metadata": {"a": "b"}})
    assert isinstance(made, stripe.WebhookEndpoint)
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert endpoints.retrieve(made.id).url == URL
    changed = endpoints.update(made.id, {"disabled": True, "enabled_events": ["payment_intent.succeeded"]})
    assert (changed.status, changed.enabled_events) == ("disabled", ["payment_intent.succeeded"])
    everything = [endpoint.id for endpoint in endpoints.list({"limit": 1}).auto_paging_iter()]
    assert everything == [made.id, SETTINGS]
    assert endpoints.delete(made.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as gone:
        endpoints.retrieve(made.id)
    assert gone.value.http_status == 404

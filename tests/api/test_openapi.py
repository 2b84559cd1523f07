"""The OpenAPI document says what the server does: it is the committed one, and generated calls find nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.calling import INTENTS, mini_program_session
from tests.api.idempotent_requests import GROUPS, create_return, group_body, shared_intent, transfer_body
from tests.api.refunding import abnormal_refund, queued_refund
from tests.api.test_discrepancies import money_of_nobody
from tests.support import mandates, workshop
from tests.support.stack import MCHID, MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack
from wxbackend.api.operations import OPERATIONS

ABROAD: Final = {"presentment_details"}
"""Comes where a merchant sells across the border (test_seed_cross_border)."""
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "openapi.json"
OPERATION_IDS: Final = [operation.id for operation in OPERATIONS.values()]
EXAMPLES_MAX: Final = 12
EXAMPLES_WITHOUT_RIGHTS_MAX: Final = 5
"""Most of what a buyer's key may ask for is refused before anything is read."""
EVENTS: Final = {"payment_intent.created", "payment_intent.succeeded", "discrepancy.opened"}
ENDPOINTS: Final = "/v1/webhook_endpoints"
NOBODY_LISTENS: Final = "http://127.0.0.1:9/webhooks"
LINE_TOO_LONG: Final = 414
"""The HTTP server's own refusal, before a request reaches the application."""
CHECKS: Final = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip


def document() -> dict[str, Any]:
    """The committed document."""
    found: dict[str, Any] = orjson.loads(DOCUMENT.read_bytes())
    return found


def schema_of(name: str) -> dict[str, Any]:
    """One schema of the document."""
    found: dict[str, Any] = document()["components"]["schemas"][name]
    return found


def test_the_committed_document_is_the_served_one(stack: RunningStack) -> None:
    served = stack.call("GET", "/openapi.json", key="")
    assert served.headers["content-type"] == "application/json"
    assert served.json() == document(), "run: wxbackend openapi"


def test_the_command_writes_the_committed_bytes(stack: RunningStack, tmp_path: Path) -> None:
    output = tmp_path / "openapi.json"
    ran = workshop.run(["openapi", "--output", str(output)], stack.stack.environment())
    assert ran.status == 0, ran.err
    assert output.read_bytes() == DOCUMENT.read_bytes()
    assert os.linesep.encode() in output.read_bytes()


def test_every_operation_has_a_name_a_key_and_its_failures() -> None:
    operations = {(m, p): o for p, methods in document()["paths"].items() for m, o in methods.items()}
    assert set(operations) == set(OPERATIONS)
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)
    for (_, path), operation in operations.items():
        assert operation["summary"], path
        assert "400" in operation["responses"], path
        assert bool(operation["security"]) == ("/oauth/" not in path)
        for parameter in operation["parameters"]:
            assert parameter["description"], (path, parameter["name"])


def test_nothing_in_the_document_is_unused() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for section in ("schemas", "responses", "headers"):
        for name in document()["components"][section]:
            assert f'"#/components/{section}/{name}"' in text, name


def test_answers_hold_no_name_that_the_document_lacks(stack: RunningStack) -> None:
    """Readers may get more names one day, but the document is to know them all."""
    paid = stack.confirmed_intent(description="tea", metadata={"a": "b"}, merchant_order_id="o", return_url="x.example")
    stack.pay(paid)
    answers = [
        paid,
        stack.wait_status(paid["id"], "succeeded"),
        stack.create_intent(confirm=True, customer="c", merchant_user_id="u", **stack.paying_with(openid="")),
        stack.api("POST", f"{INTENTS}/{stack.create_intent()['id']}/cancel", {"cancellation_reason": "x"}),
        stack.intent(stack.api("POST", GROUPS, group_body(stack))["payment_intents"][0]),
    ]
    known = schema_of("PaymentIntent")
    for answer in answers:
        assert set(answer) <= set(known["properties"])
        assert set(known["required"]) <= set(answer)
    seen = {name for answer in answers for name in answer}
    assert seen | ABROAD == set(known["properties"]), "the document promises no name that never comes"


def test_delivered_events_fit_their_schema_and_hold_no_other_name(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    stack.pay(intent)
    stack.wait_status(intent["id"], "succeeded")
    told = {
        "url": f"{stack.web_url}/notices/wechat_v3/{MCHID}",
        "out_trade_no": stack.out_trade_no(intent),
        "plaintext_overrides": {"amount.total": 1, "transaction_id": "4200000000000000000000000001"},
    }
    assert stack.desk("POST", "/notices/forge", told)["status"] == 204
    stack.wait_for(
        lambda: {row["type"] for row in events_about(stack, intent)} >= EVENTS,
        "a payment's events, and one about wrong money",
    )
    rows = events_about(stack, intent)
    known, components = schema_of("Event"), {"components": document()["components"]}
    for row in rows:
        event = orjson.loads(row["body"])
        jsonschema_rs.validator_for(known | components).validate(event)
        assert set(event) == set(known["properties"])
        kind = "Discrepancy" if row["type"] == "discrepancy.opened" else "PaymentIntent"
        assert set(event["data"]["object"]) <= set(schema_of(kind)["properties"])


def events_about(stack: RunningStack, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """Every event that is about an intent or names it."""
    number, named = int(intent["id"].removeprefix("pi_")), f"%{intent['id']}%"
    return stack.rows("SELECT type, body FROM events WHERE subject_id = ? OR CAST(body AS TEXT) LIKE ?", number, named)


# --- generated calls ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api_schema(shared_stack: RunningStack) -> Iterator[Any]:
    """The served document, with identifiers that exist in most calls, and without long waits."""
    schema = schemathesis.openapi.from_url(f"{shared_stack.web_url}/openapi.json")
    canceled = shared_stack.create_intent()["id"]
    shared_stack.api("POST", f"{INTENTS}/{canceled}/cancel")
    endpoint = made_endpoint(shared_stack)["id"]
    known = {
        "intent_id": [shared_stack.create_intent()["id"], shared_stack.confirmed_intent()["id"], canceled],
        "event_id": [event["id"] for event in shared_stack.api("GET", "/v1/events?limit=3")["data"]],
        "endpoint_id": [endpoint, "we_demo_shop"],
    }

    @schema.hook
    def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
        """An identifier that exists, chosen by the one that was generated."""
        for name in known.keys() & set(path_parameters or {}):
            assert path_parameters is not None
            generated = path_parameters[name]
            chosen = sum(str(generated).encode()) % (len(known[name]) + 1)
            path_parameters[name] = [*known[name], generated][chosen]
        return path_parameters

    @schema.hook
    def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
        """A call that would wait for an event that never comes waits a second."""
        if query and query.get("wait") in range(1, 26):
            query["wait"] = 1
        return query

    yield schema
    for made in shared_stack.api("GET", f"{ENDPOINTS}?limit=100")["data"]:
        if not made.get("read_only"):
            shared_stack.api("DELETE", f"{ENDPOINTS}/{made['id']}")


def made_endpoint(stack: RunningStack) -> dict[str, Any]:
    """An endpoint on this machine that wants next to nothing."""
    return stack.api("POST", ENDPOINTS, {"url": NOBODY_LISTENS, "enabled_events": ["discrepancy.opened"]})


def call_as_generated(
    schema: Any, operation: str, mode: GenerationMode, headers: dict[str, str], examples_max: int = EXAMPLES_MAX
) -> int:
    """Call an operation with what is made up from the document, and hold each answer to it; how many calls."""
    calls = 0

    @given(case=schema.find_operation_by_id(operation).as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples_max,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Case[Any]) -> None:
        nonlocal calls
        answer = case.call(headers=headers, allow_redirects=False)
        assume(answer.status_code != LINE_TOO_LONG)
        calls += 1
        case.validate_response(answer, checks=CHECKS)

    run()
    return calls


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
@pytest.mark.parametrize("operation", OPERATION_IDS)
def test_generated_calls_find_no_defect_and_no_undocumented_answer(
    stack: RunningStack, api_schema: Any, operation: str, mode: GenerationMode
) -> None:
    headers = {"Authorization": f"Bearer {stack.secret_key}"}
    assert call_as_generated(api_schema, operation, mode, headers) >= 1


@pytest.mark.parametrize("operation", OPERATION_IDS)
def test_generated_calls_with_a_buyers_key_find_none_either(
    stack: RunningStack, api_schema: Any, operation: str
) -> None:
    headers = {
        "Authorization": f"Bearer {stack.publishable_key}",
        "Client-Secret": stack.create_intent()["client_secret"],
        "Wx-Session": mini_program_session(stack, MINI_PROGRAM),
    }
    positive, few = GenerationMode.POSITIVE, EXAMPLES_WITHOUT_RIGHTS_MAX
    assert call_as_generated(api_schema, operation, positive, headers, few) >= 1


def test_request_examples_do_what_they_show(stack: RunningStack, api_schema: Any) -> None:
    """Examples are what people copy: each is sent as it stands, but for the code that WeChat would have to give."""
    sent = 0
    for method, path in OPERATIONS:
        body = document()["paths"][path][method].get("requestBody")
        for example in body["content"]["application/json"]["examples"].values() if body else ():
            target, value = made_real(stack, path, example["value"])
            answer = stack.call(method.upper(), target, value)
            told = answer.json().get("error", {}).get("code")
            assert (answer.status, told) in {(200, None), (400, "code_invalid"), (400, "parameter_missing")}, example
            sent += 1
    assert sent > len(OPERATIONS) / 2


def with_mandates(stack: RunningStack, path: str, value: Any) -> tuple[str, Any]:
    """The same for the paths of customers and what they signed."""
    customer = mandates.a_customer(stack)["id"]
    if "{setup_id}" in path:
        path = path.replace("{setup_id}", stack.api("POST", "/v1/setup_intents", {"customer": customer})["id"])
    if "{mandate_id}" in path or "{method_id}" in path:
        signed = mandates.saved(stack)
        path = path.replace("{mandate_id}", signed.mandate).replace("{method_id}", signed.method)
    if "customer" in value:
        value = value | {"customer": customer}
    if "openids" in value:
        value = value | {"openids": {OFFICIAL_ACCOUNT: stack.openid()}}
    return path.replace("{customer_id}", customer), value


def with_money_out(stack: RunningStack, path: str, value: Any) -> tuple[str, Any]:
    """The same for the paths of transfers and of what is shared."""
    if path.endswith("/profit_sharings"):
        return path, value | {"payment_intent": shared_intent(stack)}
    if path.endswith("/profit_sharing_returns"):
        return path, create_return(stack).body
    if "{transfer_id}" in path:
        made = stack.api("POST", "/v1/transfers", transfer_body(stack, 300))
        path = path.replace("{transfer_id}", made["id"])
    return path, value


def with_refunds(stack: RunningStack, path: str, value: Any) -> tuple[str, Any]:
    """The same for the paths of refunds."""
    if path.endswith(("/cancel", "/send_to_card")):
        refund = queued_refund(stack) if path.endswith("/cancel") else abnormal_refund(stack)
        return path.replace("{refund_id}", refund["id"]), value
    intent = stack.confirmed_intent()
    stack.pay(intent)
    stack.wait_status(intent["id"], "succeeded")
    if "payment_intent" in value:
        return path, value | {"payment_intent": intent["id"]}
    refund = stack.api("POST", "/v1/refunds", {"payment_intent": intent["id"]})
    return path.replace("{refund_id}", refund["id"]), value


def with_groups(stack: RunningStack, path: str, value: Any) -> tuple[str, Any]:
    """The same for the paths of payment groups."""
    asked = group_body(stack)
    if "{group_id}" in path:
        return path.replace("{group_id}", stack.api("POST", GROUPS, asked)["id"]), value
    return path, value | {"payment_intents": asked["payment_intents"]}


ROOMS: Final = {
    GROUPS: with_groups,
    "/v1/transfers": with_money_out,
    "/v1/profit_sharing": with_money_out,
    "/v1/customers": with_mandates,
    "/v1/setup_intents": with_mandates,
    "/v1/mandates": with_mandates,
    "/v1/payment_methods": with_mandates,
    "/v1/refunds": with_refunds,
}


def made_real(stack: RunningStack, path: str, value: Any) -> tuple[str, Any]:
    """The path and the body with identifiers of objects that exist."""
    for start, make in ROOMS.items():
        if path.startswith(start):
            return make(stack, path, value)
    if "/shipping" in path:
        path = path.replace("{intent_id}", shippable(stack, shipped=path.endswith("/remind"))["id"])
    if "{intent_id}" in path:
        path = path.replace("{intent_id}", stack.create_intent(**stack.paying_with())["id"])
    if "{endpoint_id}" in path:
        path = path.replace("{endpoint_id}", made_endpoint(stack)["id"])
    if "url" in value:
        return path, value | {"url": NOBODY_LISTENS}
    if "{event_id}" in path:
        stack.create_intent()
        path = path.replace("{event_id}", stack.api("GET", "/v1/events?limit=1")["data"][0]["id"])
    if "{discrepancy_id}" in path:
        path = path.replace("{discrepancy_id}", money_of_nobody(stack)["id"])
    return path, value


def shippable(stack: RunningStack, *, shipped: bool) -> dict[str, Any]:
    """An intent that a mini program's buyer has paid, and whose goods WeChat was told of or not."""
    stack.desk("POST", "/shipping/rules", {"not_known_s": 0})
    intent = stack.confirmed_intent("mini_program")
    stack.pay(intent)
    stack.wait_status(intent["id"], "succeeded")
    if shipped:
        told = {"logistics_type": "virtual", "items": [{"description": "a membership"}]}
        stack.api("POST", f"/v1/payment_intents/{intent['id']}/shipping", told)
    return intent


def test_answer_examples_fit_their_schemas() -> None:
    whole = document()
    held = 0
    for operation in (o for methods in whole["paths"].values() for o in methods.values()):
        for response in operation["responses"].values():
            for media in response.get("content", {}).values():
                resolver = jsonschema_rs.validator_for(media["schema"] | {"components": whole["components"]})
                for example in media["examples"].values():
                    resolver.validate(example["value"])
                    held += 1
    assert held >= len(OPERATIONS)

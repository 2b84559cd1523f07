"""The official Stripe SDKs, unmodified, drive us: Python in this process, and Node.js in its own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import stripe

from tests.api.calling import nothing_changes
from tests.api.refunding import ended, paid_intent, queued_refund
from tests.simulators.receiver import Received, Receiver
from tests.support import mandates
from tests.support.node import INSTALL_TIMEOUT_S, SCRIPT_TIMEOUT_S, Node
from tests.support.stack import MINI_PROGRAM, RunningStack, running
from wxbackend.development import CONFIG

SHOP_URL: Final = '"http://127.0.0.1:${WXBACKEND_SIMULATOR_PORT:-9000}/shop/webhooks"'


def client(stack: RunningStack, key: str | None = None, **more: Any) -> stripe.StripeClient:
    """The SDK as a merchant sets it up: a key, and our address."""
    return stripe.StripeClient(key or stack.secret_key, base_addresses={"api": stack.web_url}, **more)


@pytest.fixture
def sdk(stack: RunningStack) -> stripe.StripeClient:
    """The SDK with the demo account's secret key."""
    return client(stack)


def method(stack: RunningStack, terminal: str = "mini_program") -> Any:
    """Payment method parameters; the SDK's own types know neither terminal_type nor openid."""
    return stack.paying_with(terminal)


def test_create_confirm_retrieve_and_cancel(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    intents = sdk.v1.payment_intents
    made = intents.create({"amount": 2000, "currency": "cny", "metadata": {"order": "1"}})
    assert isinstance(made, stripe.PaymentIntent)
    assert (made.status, made.amount, made.currency) == ("requires_payment_method", 2000, "CNY")
    assert made.metadata["order"] == "1"
    confirmed = intents.confirm(made.id, method(stack))
    assert confirmed.status == "requires_action"
    assert confirmed.next_action is not None
    params = confirmed.next_action["wechat_pay_mini_program_params"]
    assert params["signType"] == "RSA"
    assert intents.retrieve(made.id).to_dict() == confirmed.to_dict()
    changed = intents.update(made.id, {"metadata": {"order": "", "note": "x"}})
    assert changed.to_dict()["metadata"] == {"note": "x"}
    canceled = intents.cancel(made.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")


def test_create_and_confirm_in_one_call_and_be_paid(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    body: Any = {"amount": 1, "currency": "CNY", "confirm": True, "payment_method_types": ["wechat_pay"]}
    made = sdk.v1.payment_intents.create(body | method(stack))
    stack.pay(made.to_dict())
    stack.wait_status(made.id, "succeeded")
    paid = sdk.v1.payment_intents.retrieve(made.id)
    assert (paid.status, paid.amount_received) == ("succeeded", 1)


def test_auto_paging_sees_every_intent_once(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    number = f"order-{uuid.uuid4()}"
    made = [stack.create_intent(merchant_order_id=number)["id"] for _ in range(5)]
    query: Any = {"limit": 2, "merchant_order_id": number}
    assert [intent.id for intent in sdk.v1.payment_intents.list(query).auto_paging_iter()] == made[::-1]
    backwards = sdk.v1.payment_intents.list(query | {"ending_before": made[0]})
    assert sorted(intent.id for intent in backwards.auto_paging_iter()) == made[1:]
    found = sdk.v1.payment_intents.search({"query": f"merchant_order_id:'{number}'", "limit": 2})
    assert [intent.id for intent in found.auto_paging_iter()] == made[::-1]


def test_created_filters_of_the_sdk_are_understood(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    intent = stack.create_intent()
    second = intent["created"] // 1000
    found = sdk.v1.payment_intents.list({"created": {"gte": second, "lte": second}, "limit": 100})
    assert intent["id"] in [entry.id for entry in found.data]
    assert intent["id"] in [entry.id for entry in sdk.v1.payment_intents.list({"created": second, "limit": 100}).data]


def test_every_refusal_is_the_error_class_that_sdk_users_catch(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    with nothing_changes(stack):
        with pytest.raises(stripe.InvalidRequestError) as wrong:
            sdk.v1.payment_intents.create({"amount": -1, "currency": "CNY"})
        assert (wrong.value.http_status, wrong.value.code, wrong.value.param) == (400, "amount_too_small", "amount")
        assert str(wrong.value.request_id).startswith("req_")
        with pytest.raises(stripe.InvalidRequestError) as absent:
            sdk.v1.payment_intents.retrieve("pi_1000000000000000000")
        assert (absent.value.http_status, absent.value.code) == (404, "resource_missing")
        with pytest.raises(stripe.AuthenticationError) as nobody:
            client(stack, "sk_test_of_nobody").v1.payment_intents.list()
        assert nobody.value.http_status == 401
        with pytest.raises(stripe.PermissionError) as forbidden:
            client(stack, stack.publishable_key).v1.payment_intents.list()
        assert forbidden.value.http_status == 403
        with pytest.raises(stripe.InvalidRequestError) as unserved:
            sdk.v1.products.create({"name": "x"})
        assert unserved.value.http_status == 404


def test_an_id_with_a_slash_stays_one_id(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as error:
        sdk.v1.payment_intents.retrieve("pi_/../search?query=x")
    assert error.value.http_status == 404


def test_the_sdks_idempotency_keys_work(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    options: Any = {"idempotency_key": str(uuid.uuid4())}
    first = sdk.v1.payment_intents.create({"amount": 7, "currency": "CNY"}, options)
    with nothing_changes(stack):
        again = sdk.v1.payment_intents.create({"amount": 7, "currency": "CNY"}, options)
        with pytest.raises(stripe.IdempotencyError):
            sdk.v1.payment_intents.create({"amount": 8, "currency": "CNY"}, options)
    assert again.id == first.id


def test_the_sdks_own_retry_finds_the_answer_of_a_request_in_flight(stack: RunningStack) -> None:
    """409 is what SDKs repeat by themselves, with the same key: the second try is a replay."""
    from concurrent.futures import ThreadPoolExecutor

    body: Any = {"amount": 9, "currency": "CNY", "confirm": True, **method(stack)}
    options: Any = {"idempotency_key": str(uuid.uuid4())}
    stack.mischief(api=[{"fault": "latency", "path": "order", "times": 1, "latency_s": 0.5}])
    with ThreadPoolExecutor(2) as pool:
        made = list(
            pool.map(lambda _: client(stack, max_network_retries=6).v1.payment_intents.create(body, options), range(2))
        )
    assert made[0].id == made[1].id
    assert made[0].status == made[1].status == "requires_action"


def test_a_declined_confirm_is_no_error_for_the_sdk(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    body: Any = {"amount": 1, "currency": "CNY", "confirm": True, **stack.paying_with(openid="")}
    declined = sdk.v1.payment_intents.create(body)
    assert declined.status == "requires_payment_method"
    assert declined.last_payment_error is not None
    assert declined.last_payment_error.code == "payment_method_provider_decline"


def test_refunds_are_made_read_changed_and_listed(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    stack.desk("POST", "/refunds/rules", {"min_spacing_s": 0})
    intent = paid_intent(stack)
    made = sdk.v1.refunds.create({"payment_intent": intent["id"], "amount": 500, "reason": "duplicate"})
    assert isinstance(made, stripe.Refund)
    assert (made.status, made.amount, made.reason, made.payment_intent) == ("pending", 500, "duplicate", intent["id"])
    changed = sdk.v1.refunds.update(made.id, {"metadata": {"ticket": "42"}})
    assert changed.metadata is not None
    assert changed.metadata["ticket"] == "42"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.refunds.cancel(made.id)
    assert (refused.value.http_status, refused.value.code) == (400, "status_transition_invalid")
    ended(stack, made.to_dict())
    assert sdk.v1.refunds.retrieve(made.id).status == "succeeded"
    second = sdk.v1.refunds.create({"payment_intent": intent["id"]})
    listed = sdk.v1.refunds.list({"payment_intent": intent["id"], "limit": 1})
    assert [refund.id for refund in listed.auto_paging_iter()] == [second.id, made.id]
    with pytest.raises(stripe.InvalidRequestError) as over:
        sdk.v1.refunds.create({"payment_intent": intent["id"], "amount": 1})
    assert over.value.code == "charge_already_refunded"


def test_a_queued_refund_is_canceled(stack: RunningStack, sdk: stripe.StripeClient) -> None:
    queued = queued_refund(stack)
    assert sdk.v1.refunds.retrieve(queued["id"]).pending_reason == "queued"
    canceled = sdk.v1.refunds.cancel(queued["id"])
    assert (canceled.status, canceled.failure_reason) == ("canceled", "merchant_request")


def test_a_buyer_signs_and_is_charged_off_session_through_the_sdk(
    stack: RunningStack, sdk: stripe.StripeClient
) -> None:
    mandates.quick_debits(stack)
    body: Any = {"metadata": {"tier": "gold"}, "openids": {MINI_PROGRAM: stack.openid(MINI_PROGRAM)}}
    customer = sdk.v1.customers.create(body)
    assert isinstance(customer, stripe.Customer)
    assert sdk.v1.customers.retrieve(customer.id).to_dict() == customer.to_dict()
    assert customer.id in [entry.id for entry in sdk.v1.customers.list({"limit": 3}).data]
    signing: Any = {"customer": customer.id, "usage": "off_session", **mandates.signing("mini_program")}
    setup = sdk.v1.setup_intents.create(signing)
    assert (setup.status, setup.usage) == ("requires_confirmation", "off_session")
    setup = sdk.v1.setup_intents.confirm(setup.id)
    mandates.sign(stack, setup.to_dict())
    mandates.wait_setup(stack, setup.id, "succeeded")
    setup = sdk.v1.setup_intents.retrieve(setup.id)
    assert isinstance(setup.mandate, str)
    assert isinstance(setup.payment_method, str)
    assert sdk.v1.mandates.retrieve(setup.mandate).status == "active"
    (method,) = sdk.v1.customers.payment_methods.list(customer.id).auto_paging_iter()
    assert (method.id, method.type, method.customer) == (setup.payment_method, "wechat_pay", customer.id)
    charge: Any = {"amount": 640, "currency": "cny", "off_session": True, "confirm": True}
    made = sdk.v1.payment_intents.create(charge | {"customer": customer.id, "payment_method": method.id})
    assert made.status in ("processing", "succeeded")
    stack.wait_status(made.id, "succeeded")
    detached = sdk.v1.payment_methods.detach(method.id)
    assert detached.to_dict().get("customer") is None
    with pytest.raises(stripe.InvalidRequestError) as ended:
        sdk.v1.payment_intents.create(charge | {"customer": customer.id, "payment_method": method.id})
    assert ended.value.code == "payment_method_unexpected_state"
    other = sdk.v1.setup_intents.create(signing)
    assert sdk.v1.setup_intents.cancel(other.id).status == "canceled"
    found: Any = sdk.v1.setup_intents.list({"customer": customer.id, "limit": 1})
    assert [entry.id for entry in found.auto_paging_iter()] == [other.id, setup.id]
    mandates.quick_debits(stack, settle_after_s=2, notice_required=True)


# --- webhooks -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, list[Received]]]:
    """A stack whose webhooks come here, and one payment's worth of them."""
    folder, receiver = tmp_path_factory.mktemp("webhooks"), Receiver()
    settings = folder / "settings.toml"
    text = CONFIG.read_text(encoding="utf-8")
    assert SHOP_URL in text
    settings.write_text(text.replace(SHOP_URL, f'"{receiver.url}"'), encoding="utf-8")
    try:
        for stack in running(folder / "stack", WXBACKEND_CONFIG=str(settings)):
            intent = stack.confirmed_intent()
            stack.pay(intent)
            stack.wait_for(lambda: len(receiver.received) >= 3, "three webhooks")
            yield stack, receiver.received
    finally:
        receiver.close()


@pytest.mark.parametrize("name", ["Wx-Signature", "Wooshpay-Signature"])
def test_a_delivered_webhook_verifies_with_the_sdk(told: tuple[RunningStack, list[Received]], name: str) -> None:
    stack, received = told
    secret = stack.stack.key("webhook_secret")
    events = [stripe.Webhook.construct_event(one.body, one.headers[name], secret) for one in received]
    assert {event.type for event in events} == {
        "payment_intent.created", "payment_intent.requires_action", "payment_intent.succeeded",
    }  # fmt: skip
    (succeeded,) = [event for event in events if event.type == "payment_intent.succeeded"]
    shown = json.loads(json.dumps(succeeded.data.object.to_dict()))
    assert shown == stack.intent(shown["id"])
    assert succeeded.api_version == "1.0.1"


def test_a_webhook_that_was_changed_or_signed_by_another_is_refused_by_the_sdk(
    told: tuple[RunningStack, list[Received]],
) -> None:
    stack, (one, *_) = told
    secret, header = stack.stack.key("webhook_secret"), one.headers["Wx-Signature"]
    for body, signature, key in (
        (one.body + b" ", header, secret),
        (one.body, header, "whsec_of_another"),
        (one.body, header.replace("t=1", "t=2", 1), secret),
    ):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, signature, key)


# --- Node.js --------------------------------------------------------------------------------------


@pytest.mark.timeout(INSTALL_TIMEOUT_S + SCRIPT_TIMEOUT_S)
def test_the_node_sdk_creates_confirms_lists_cancels_and_names_its_errors(node: Node, stack: RunningStack) -> None:
    parts = urlsplit(stack.web_url)
    told = node.check(
        "stripe",
        {
            "STRIPE_HOST": str(parts.hostname),
            "STRIPE_PORT": str(parts.port),
            "STRIPE_PROTOCOL": "http",
            "SECRET_KEY": stack.secret_key,
            "OPENID": stack.openid(MINI_PROGRAM),
        },
    )
    seen = json.loads(told.splitlines()[0])
    assert seen["ok"] is True
    assert stack.intent(seen["confirmed"]["id"])["status"] == "requires_action"
    assert stack.intent(seen["canceled"]["id"])["status"] == "canceled"
    assert {error["hasRequestId"] for error in seen["refused"].values()} == {True}

"""One good request for every POST of the API, for the tests of Idempotency-Key."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.api.calling import INTENTS
from tests.api.refunding import REFUNDS, abnormal_refund, paid_intent, queued_refund
from tests.support import mandates
from tests.support.stack import MCHID, MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack

GROUPS: Final = "/v1/payment_groups"
ENDPOINTS: Final = "/v1/webhook_endpoints"
CUSTOMERS: Final = "/v1/customers"
SETUPS: Final = "/v1/setup_intents"
TRANSFERS: Final = "/v1/transfers"
SHARINGS: Final = "/v1/profit_sharings"
RETURNS: Final = "/v1/profit_sharing_returns"
RECEIVERS: Final = "/v1/profit_sharing_receivers"
SUPPLIER: Final = "1900000110"
RECEIVER: Final = {
    "type": "merchant",
    "account": SUPPLIER,
    "app_id": OFFICIAL_ACCOUNT,
    "name": "示例商贸有限公司",
    "relation": "supplier",
}
LOGIN: Final = "/v1/wechat/mini_program/login"
ENDPOINT: Final = {"url": "http://127.0.0.1:9/webhooks", "enabled_events": ["discrepancy.opened"]}


@dataclass(frozen=True, slots=True)
class Request:
    """A request that goes well, and another body that the same address would take too."""

    path: str
    body: dict[str, Any]
    other: dict[str, Any]


def create_intent(_stack: RunningStack) -> Request:
    return Request(INTENTS, {"amount": 2000, "currency": "CNY"}, {"amount": 2001, "currency": "CNY"})


def update_intent(stack: RunningStack) -> Request:
    path = f"{INTENTS}/{stack.create_intent()['id']}"
    return Request(path, {"description": "a"}, {"description": "b"})


def confirm_intent(stack: RunningStack) -> Request:
    path = f"{INTENTS}/{stack.create_intent()['id']}/confirm"
    return Request(path, stack.paying_with(), stack.paying_with("mini_program"))


def cancel_intent(stack: RunningStack) -> Request:
    path = f"{INTENTS}/{stack.confirmed_intent()['id']}/cancel"
    return Request(path, {"cancellation_reason": "duplicate"}, {"cancellation_reason": "abandoned"})


def group_body(stack: RunningStack, **changes: Any) -> dict[str, Any]:
    """Two new intents that the default buyer shall pay at once."""
    return {"payment_intents": [stack.create_intent()["id"] for _ in "ab"]} | stack.paying_with() | changes


def create_group(stack: RunningStack) -> Request:
    return Request(GROUPS, group_body(stack), group_body(stack))


def cancel_group(stack: RunningStack) -> Request:
    path = f"{GROUPS}/{stack.api('POST', GROUPS, group_body(stack))['id']}/cancel"
    return Request(path, {}, {"expand": ["x"]})


def create_refund(stack: RunningStack) -> Request:
    intent = paid_intent(stack)
    return Request(REFUNDS, *({"payment_intent": intent["id"], "amount": amount} for amount in (300, 301)))


def update_refund(stack: RunningStack) -> Request:
    refund = stack.api("POST", REFUNDS, {"payment_intent": paid_intent(stack)["id"], "amount": 100})
    stack.wait_for(
        lambda: stack.api("GET", f"{REFUNDS}/{refund['id']}")["status"] == "succeeded", "the refund to be final"
    )
    return Request(f"{REFUNDS}/{refund['id']}", {"metadata": {"a": "1"}}, {"metadata": {"a": "2"}})


def ready_to_ship(stack: RunningStack) -> dict[str, Any]:
    """An intent that a mini program's buyer has paid, and that WeChat knows."""
    stack.desk("POST", "/shipping/rules", {"not_known_s": 0})
    intent = stack.confirmed_intent("mini_program")
    stack.pay(intent)
    return stack.wait_status(intent["id"], "succeeded")


def upload_shipping(stack: RunningStack) -> Request:
    path = f"{INTENTS}/{ready_to_ship(stack)['id']}/shipping"
    return Request(path, *({"logistics_type": "virtual", "items": [{"description": word}]} for word in "ab"))


def remind_receipt(stack: RunningStack) -> Request:
    asked = upload_shipping(stack)
    assert stack.api("POST", asked.path, asked.body)["status"] == "shipped"
    return Request(f"{asked.path}/remind", {"received_at": 1_795_000_000_000}, {"received_at": 1_795_000_001_000})


def cancel_refund(stack: RunningStack) -> Request:
    return Request(f"{REFUNDS}/{queued_refund(stack)['id']}/cancel", {}, {"expand": ["x"]})


def send_refund_to_card(stack: RunningStack) -> Request:
    refund = abnormal_refund(stack)
    card = {"holder": "buyer", "bank": "ICBC", "number": "6222000000000000007", "name": "小明"}
    return Request(f"{REFUNDS}/{refund['id']}/send_to_card", {"holder": "merchant"}, card)


def create_endpoint(_stack: RunningStack) -> Request:
    return Request(ENDPOINTS, ENDPOINT, ENDPOINT | {"description": "another"})


def update_endpoint(stack: RunningStack) -> Request:
    path = f"{ENDPOINTS}/{stack.api('POST', ENDPOINTS, ENDPOINT)['id']}"
    return Request(path, {"description": "a"}, {"description": "b"})


def rotate_secret(stack: RunningStack) -> Request:
    path = f"{ENDPOINTS}/{stack.api('POST', ENDPOINTS, ENDPOINT)['id']}/rotate_secret"
    return Request(path, {}, {"expand": ["x"]})


def resend_event(stack: RunningStack) -> Request:
    stack.create_intent()
    path = f"/v1/events/{stack.api('GET', '/v1/events?limit=1')['data'][0]['id']}/resend"
    return Request(path, {}, {"webhook_endpoint": "we_demo_shop"})


def resolve_discrepancy(stack: RunningStack) -> Request:
    intent = paid_intent(stack)
    stack.desk(
        "POST",
        "/notices/forge",
        {
            "url": f"{stack.web_url}/notices/wechat_v3/{MCHID}",
            "sign": "valid",
            "out_trade_no": stack.out_trade_no(intent),
            "plaintext_overrides": {"out_trade_no": f"none{uuid.uuid4().hex[:20]}", "transaction_id": uuid.uuid4().hex},
        },
    )
    found = stack.wait_for(
        lambda: stack.api("GET", "/v1/discrepancies?kind=unmatched&status=open")["data"], "the money to be recorded"
    )
    return Request(f"/v1/discrepancies/{found[0]['id']}/resolve", {"note": "ours"}, {"note": "not ours"})


def log_in(stack: RunningStack) -> Request:
    code = stack.desk("POST", "/buyers/buyer_1/codes", {"appid": MINI_PROGRAM, "kind": "mini_program"})["code"]
    return Request(LOGIN, {"code": code}, {"code": code, "app_id": MINI_PROGRAM})


def create_customer(_stack: RunningStack) -> Request:
    return Request(CUSTOMERS, {"metadata": {"a": "1"}}, {"metadata": {"a": "2"}})


def update_customer(stack: RunningStack) -> Request:
    path = f"{CUSTOMERS}/{mandates.a_customer(stack)['id']}"
    return Request(path, {"description": "a"}, {"description": "b"})


def create_setup(stack: RunningStack) -> Request:
    body = {"customer": mandates.a_customer(stack)["id"], "confirm": True, **mandates.signing()}
    return Request(SETUPS, body, body | {"description": "another"})


def confirm_setup(stack: RunningStack) -> Request:
    made = stack.api("POST", SETUPS, {"customer": mandates.a_customer(stack)["id"]})
    path = f"{SETUPS}/{made['id']}/confirm"
    return Request(path, mandates.signing(), mandates.signing("mini_program"))


def cancel_setup(stack: RunningStack) -> Request:
    path = f"{SETUPS}/{mandates.a_setup(stack, mandates.a_customer(stack)['id'])['id']}/cancel"
    return Request(path, {"cancellation_reason": "a"}, {"cancellation_reason": "b"})


def revoke_mandate(stack: RunningStack) -> Request:
    return Request(f"/v1/mandates/{mandates.saved(stack).mandate}/revoke", {}, {"expand": ["x"]})


def announce_debit(stack: RunningStack) -> Request:
    path = f"/v1/mandates/{mandates.saved(stack).mandate}/announce_debit"
    return Request(path, *({"amount": amount, "currency": "CNY"} for amount in (300, 301)))


def detach_method(stack: RunningStack) -> Request:
    return Request(f"/v1/payment_methods/{mandates.saved(stack).method}/detach", {}, {"expand": ["x"]})


def transfer_body(stack: RunningStack, amount: int) -> dict[str, Any]:
    """A transfer to the default buyer."""
    return {
        "amount": amount,
        "currency": "CNY",
        "destination": {"openid": stack.openid(MINI_PROGRAM), "app_id": MINI_PROGRAM},
        "description": "June commission",
        "scene": "1005",
        "scene_report": [{"type": "岗位类型", "content": "外卖员"}, {"type": "报酬说明", "content": "六月"}],
    }


def create_transfer(stack: RunningStack) -> Request:
    stack.desk("POST", "/merchant", {"top_up": 10_000})
    return Request(TRANSFERS, transfer_body(stack, 300), transfer_body(stack, 301))


def update_transfer(stack: RunningStack) -> Request:
    asked = create_transfer(stack)
    path = f"{TRANSFERS}/{stack.api('POST', TRANSFERS, asked.body)['id']}"
    return Request(path, {"metadata": {"a": "1"}}, {"metadata": {"a": "2"}})


def cancel_transfer(stack: RunningStack) -> Request:
    stack.desk("POST", "/transfers/rules", {"cancel_s": 0})
    asked = create_transfer(stack)
    path = f"{TRANSFERS}/{stack.api('POST', TRANSFERS, asked.body)['id']}/cancel"
    return Request(path, {}, {"expand": ["x"]})


def shared_intent(stack: RunningStack) -> str:
    """The id of a paid intent whose money may go to the supplier."""
    stack.api("POST", RECEIVERS, RECEIVER)
    intent = stack.create_intent(confirm=True, **stack.paying_with(profit_sharing=True))
    stack.pay(intent)
    found: str = stack.wait_status(intent["id"], "succeeded")["id"]
    return found


def create_sharing(stack: RunningStack) -> Request:
    intent = shared_intent(stack)
    bodies = [
        {
            "payment_intent": intent,
            "receivers": [{"type": "merchant", "account": SUPPLIER, "amount": amount, "description": "Supplier"}],
        }
        for amount in (300, 301)
    ]
    return Request(SHARINGS, *bodies)


def create_return(stack: RunningStack) -> Request:
    asked = create_sharing(stack)
    made = stack.api("POST", SHARINGS, asked.body)
    finished = stack.wait_for(
        lambda: found if (found := stack.api("GET", f"{SHARINGS}/{made['id']}"))["status"] == "finished" else None,
        "the sharing to be finished",
    )
    named = {"profit_sharing": finished["id"], "receiver": SUPPLIER, "description": "Refund"}
    return Request(RETURNS, named | {"amount": 100}, named | {"amount": 101})


def add_receiver(_stack: RunningStack) -> Request:
    return Request(RECEIVERS, RECEIVER, RECEIVER | {"relation": "partner"})


def remove_receiver(_stack: RunningStack) -> Request:
    named = {"type": "merchant", "account": "1900000999", "app_id": OFFICIAL_ACCOUNT}
    return Request(f"{RECEIVERS}/remove", named, named | {"account": "1900000998"})


REQUESTS: Final[dict[str, Callable[[RunningStack], Request]]] = {
    "createPaymentIntent": create_intent,
    "updatePaymentIntent": update_intent,
    "confirmPaymentIntent": confirm_intent,
    "cancelPaymentIntent": cancel_intent,
    "createPaymentGroup": create_group,
    "cancelPaymentGroup": cancel_group,
    "createRefund": create_refund,
    "updateRefund": update_refund,
    "uploadShipping": upload_shipping,
    "remindReceipt": remind_receipt,
    "cancelRefund": cancel_refund,
    "sendRefundToCard": send_refund_to_card,
    "createTransfer": create_transfer,
    "updateTransfer": update_transfer,
    "cancelTransfer": cancel_transfer,
    "createProfitSharing": create_sharing,
    "createProfitSharingReturn": create_return,
    "addProfitSharingReceiver": add_receiver,
    "removeProfitSharingReceiver": remove_receiver,
    "createWebhookEndpoint": create_endpoint,
    "updateWebhookEndpoint": update_endpoint,
    "rotateWebhookEndpointSecret": rotate_secret,
    "resendEvent": resend_event,
    "resolveDiscrepancy": resolve_discrepancy,
    "logInMiniProgram": log_in,
    "createCustomer": create_customer,
    "updateCustomer": update_customer,
    "createSetupIntent": create_setup,
    "confirmSetupIntent": confirm_setup,
    "cancelSetupIntent": cancel_setup,
    "revokeMandate": revoke_mandate,
    "announceDebit": announce_debit,
    "detachPaymentMethod": detach_method,
}

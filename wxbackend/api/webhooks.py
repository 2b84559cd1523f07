"""What merchants' endpoints are sent, for the OpenAPI document; nothing here sends anything."""

from __future__ import annotations

from typing import Any, Final

from apispec import APISpec
from marshmallow import fields

from wxbackend.api import examples
from wxbackend.api.events.schemas import EventPicture
from wxbackend.api.field_types import Picture
from wxbackend.api.payment_intents.schemas import PaymentIntentPicture
from wxbackend.domain.discrepancy import DiscrepancyKind


class DiscrepancyPicture(Picture):
    """Money that does not fit, or a difference between a bill of the provider and the books.

    None of it is lost; late and double money is given back by itself, and what asking the provider mends is mended.
    """

    id = fields.String(required=True, metadata={"pattern": "^dsc_[0-9]{19}$"})
    object = fields.String(required=True, metadata={"enum": ["discrepancy"]})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds of a whole second."})
    livemode = fields.Boolean(required=True)
    kind = fields.String(required=True, metadata={"enum": [kind.value for kind in DiscrepancyKind]})
    status = fields.String(required=True, metadata={"enum": ["open", "resolved"]})
    resolution = fields.String(metadata={"enum": ["refunded", "mended", "settled"]})
    resolved = fields.Integer(metadata={"description": "Unix milliseconds."})
    note = fields.String(metadata={"description": "What the person said who resolved it."})
    bill_date = fields.String(metadata={"description": "The day of the bill that shows it."})
    amount = fields.Integer(required=True, metadata={"description": "What it is about, in the smallest unit."})
    currency = fields.String(required=True)
    transaction_id = fields.String(required=True, metadata={"description": "The provider's number of the payment."})
    expected = fields.Dict(required=True, metadata={"description": "What differs, as it was ordered."})
    observed = fields.Dict(required=True, metadata={"description": "What differs, as it was paid."})
    payment_intent = fields.String()
    out_trade_no = fields.String()


SUBJECTS: Final = (
    "PaymentIntent", "Refund", "Transfer", "ProfitSharing", "ProfitSharingReturn", "Discrepancy",
    "Customer", "SetupIntent", "Mandate", "SavedMethod", "Shipping",
)  # fmt: skip
EVENT: Final = EventPicture()
DISCREPANCY: Final = DiscrepancyPicture()
INTENT: Final = PaymentIntentPicture()
_SIGNATURE: Final = (
    "`t=<seconds>,v1=<hex>`: HMAC-SHA256 with the endpoint's secret over `t`, a dot and the raw body. For a day after "
    "a secret was replaced there is one `v1` for each that signs. Refuse what is older than five minutes. The official "
    "Stripe SDKs' `Webhook.construct_event` reads it."
)
_HEADERS: Final = {
    "Wx-Signature": _SIGNATURE,
    "Wooshpay-Signature": "The same value.",
    "Wx-Event-Id": "The event's `id`.",
    "Wx-Delivery-Attempt": "1 for the first try, up to 18 within three days.",
}


def describe(spec: APISpec) -> None:
    """Add the one webhook and its schemas."""
    spec.components.schema("Event", schema=EVENT)
    subjects = [{"$ref": f"#/components/schemas/{name}"} for name in SUBJECTS]
    spec.components.schemas["EventData"]["properties"]["object"] = {"anyOf": subjects}
    spec.options["webhooks"] = {"event": {"post": _webhook()}}


def _webhook() -> dict[str, Any]:
    parameters = [
        {"in": "header", "name": name, "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ]
    body = {"schema": {"$ref": "#/components/schemas/Event"}, "examples": examples.EVENT}
    return {
        "operationId": "receiveEvent",
        "summary": "Sent to each of the account's webhook endpoints when something became true.",
        "description": "Answer any 2xx within ten seconds, then work; anything else is tried again on a schedule.",
        "security": [],
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {"2XX": {"description": "The event is kept."}},
    }

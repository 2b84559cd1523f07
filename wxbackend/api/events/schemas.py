"""Parameters of events and their deliveries, and their pictures in the OpenAPI document."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.field_types import Flag, Ignored, Strict, Whole, WordList, Words
from wxbackend.api.pagination import ListQuery

WAIT_S_MAX: Final = 25
TYPES_MAX: Final = 20


class EventListQuery(ListQuery):
    """`GET /v1/events`."""

    type = Words(100, metadata={"description": "A type, or a group of them such as payment_intent.*"})
    types = WordList(metadata={"description": f"Up to {TYPES_MAX} of them."})
    delivery_success = Flag(metadata={"description": "Whether they arrived at every endpoint."})
    wait = Whole(
        metadata={"description": f"Wait up to so many seconds (0 to {WAIT_S_MAX}) while there is none to show."}
    )


class RetrieveEventQuery(Strict):
    """`GET /v1/events/{id}` and its deliveries."""

    expand = Ignored()


class ResendParameters(Strict):
    """`POST /v1/events/{id}/resend`."""

    webhook_endpoint = Words(64, metadata={"description": "Only to this one; else to all that want it now."})
    expand = Ignored()


class EventData(Strict):
    """What the event is about, as it was then."""

    object = fields.Dict(required=True)


class EventPicture(Strict):
    """An Event."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    api_version = fields.String(required=True)
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})
    data = fields.Nested(EventData(), required=True)
    livemode = fields.Boolean(required=True)
    pending_webhooks = fields.Integer(required=True)
    type = fields.String(required=True)


class EventList(Strict):
    """A page of Events."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(EventPicture()), required=True)


class DeliveryAttemptPicture(Strict):
    """One try."""

    number = fields.Integer(required=True)
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds, when it began."})
    duration_ms = fields.Integer(required=True)
    status = fields.Integer(metadata={"description": "The HTTP status; absent when there was no answer."})
    reason = fields.String(required=True)
    response_excerpt = fields.String(metadata={"description": "The beginning of the answer, without long runs."})


class DeliveryPicture(Strict):
    """An event on its way to one endpoint."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    event = fields.String(required=True)
    webhook_endpoint = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": ["pending", "delivered", "failed", "canceled"]})
    next_attempt_at = fields.Integer(metadata={"description": "Unix milliseconds, while it is pending."})
    attempts = fields.List(fields.Nested(DeliveryAttemptPicture()), required=True)


class DeliveryList(Strict):
    """The newest deliveries of an event."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(DeliveryPicture()), required=True)


LIST: Final = EventListQuery()
RETRIEVE: Final = RetrieveEventQuery()
RESEND: Final = ResendParameters()
EVENT: Final = EventPicture()
EVENT_LIST: Final = EventList()
DELIVERY_LIST: Final = DeliveryList()

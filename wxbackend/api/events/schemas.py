"""Parameters of events and their deliveries, and their pictures in the OpenAPI document."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.field_types import Flag, Ignored, Picture, Strict, Whole, WordList, Words
from wxbackend.api.pagination import ListQuery
from wxbackend.domain import representation
from wxbackend.domain.event import EventType

WAIT_S_MAX: Final = 25
TYPES_MAX: Final = 20


class EventListQuery(ListQuery):
    """`GET /v1/events`."""

    type = Words(100, metadata={"description": "A type, or a group of them such as payment_intent.*"})
    types = WordList(metadata={"description": f"Up to {TYPES_MAX} of them."})
    delivery_success = Flag(metadata={"description": "Whether they arrived at every endpoint."})
    wait = Whole(
        metadata={
            "minimum": 0,
            "maximum": WAIT_S_MAX,
            "default": 0,
            "description": "Wait up to so many seconds while there is none to show.",
        }
    )


class RetrieveEventQuery(Strict):
    """`GET /v1/events/{id}` and its deliveries."""

    expand = Ignored()


class ResendParameters(Strict):
    """`POST /v1/events/{id}/resend`."""

    webhook_endpoint = Words(64, metadata={"description": "Only to this one; else to all that want it now."})
    expand = Ignored()


class EventData(Picture):
    """What the event is about, as it was then."""

    object = fields.Dict(required=True)


class EventPicture(Picture):
    """Something that became true. The same event may come more than once, and events may overtake each other."""

    id = fields.String(required=True, metadata={"pattern": "^evt_[0-9]{19}$", "description": "Note it to see repeats."})
    object = fields.String(required=True, metadata={"enum": ["event"]})
    api_version = fields.String(required=True, metadata={"enum": [representation.API_VERSION]})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds of a whole second."})
    livemode = fields.Boolean(required=True)
    type = fields.String(required=True, metadata={"enum": [kind.value for kind in EventType]})
    data = fields.Nested(EventData(), required=True)


class KeptEventPicture(EventPicture):
    """An Event as it is read here: the same, and how many endpoints are still to be told."""

    pending_webhooks = fields.Integer(required=True, metadata={"description": "Deliveries that have not ended."})


class EventList(Picture):
    """A page of Events."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(KeptEventPicture()), required=True)


class DeliveryAttemptPicture(Picture):
    """One try."""

    number = fields.Integer(required=True)
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds, when it began."})
    duration_ms = fields.Integer(required=True)
    status = fields.Integer(metadata={"description": "The HTTP status; absent when there was no answer."})
    reason = fields.String(required=True)
    response_excerpt = fields.String(metadata={"description": "The beginning of the answer, without long runs."})


class DeliveryPicture(Picture):
    """An event on its way to one endpoint."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    event = fields.String(required=True)
    webhook_endpoint = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": ["pending", "delivered", "failed", "canceled"]})
    next_attempt_at = fields.Integer(metadata={"description": "Unix milliseconds, while it is pending."})
    attempts = fields.List(fields.Nested(DeliveryAttemptPicture()), required=True)


class DeliveryList(Picture):
    """The newest deliveries of an event."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(DeliveryPicture()), required=True)


LIST: Final = EventListQuery()
RETRIEVE: Final = RetrieveEventQuery()
RESEND: Final = ResendParameters()
EVENT: Final = KeptEventPicture()
EVENT_LIST: Final = EventList()
DELIVERY_LIST: Final = DeliveryList()

"""The webhook endpoint's parameters and its picture in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields

from wxbackend.api.field_types import (
    URL_CHARACTERS_MAX,
    Choice,
    Flag,
    Ignored,
    Metadata,
    Picture,
    Strict,
    Whole,
    WordList,
    Words,
)
from wxbackend.api.pagination import LIMIT_METADATA
from wxbackend.domain.endpoint import EVERYTHING
from wxbackend.domain.event import BY_NAME_ONLY, EventType
from wxbackend.domain.representation import API_VERSION

DESCRIPTION_CHARACTERS_MAX: Final = 500
EVENT_NAMES: Final = tuple(kind.value for kind in EventType)
_IN_ALL: Final = frozenset(kind.value for kind in EventType if kind not in BY_NAME_ONLY)
_NOT_AN_ADDRESS: Final = (
    "url_invalid|This must be an http or https address with a host, and without user, password, fragment or spaces."
)


def _can_be_called(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or the address in brackets is none
        return False
    plain = url.isascii() and url.isprintable() and not any(mark in url for mark in " \\#")
    return named and plain and "@" not in parts.netloc


class WebhookUrl(Words):
    """Where webhooks can be posted to."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(URL_CHARACTERS_MAX, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:  # type: ignore[override]
        url = super()._deserialize(value, attr, data, **kwargs) or ""
        if not _can_be_called(url):
            raise ValidationError(_NOT_AN_ADDRESS)
        return url


class EventNames(WordList):
    """Types of events, or `*` for all."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        names = list(dict.fromkeys(super()._deserialize(value, attr, data, **kwargs)))
        if not names:
            raise ValidationError("parameter_invalid_empty|Name at least one type of event, or *.")
        for name in names:
            if name != EVERYTHING and name not in EVENT_NAMES:
                raise ValidationError(f"parameter_invalid_enum|Each must be * or one of: {', '.join(EVENT_NAMES)}.")
        return [name for name in names if name not in _IN_ALL] if EVERYTHING in names else names


_WHERE: Final = {"description": "An http or https address; in live mode https, and public."}
_NAMES: Final = {
    "description": f"`*` for all, or some of: {', '.join(EVENT_NAMES)}. Not in `*`, as they say once more what "
    f"`charge.refund.updated` says: {', '.join(name for name in EVENT_NAMES if name not in _IN_ALL)}."
}


class CreateEndpointParameters(Strict):
    """`POST /v1/webhook_endpoints`."""

    url = WebhookUrl(required=True, metadata=_WHERE)
    enabled_events = EventNames(required=True, metadata=_NAMES)
    description = Words(DESCRIPTION_CHARACTERS_MAX, blank="unset")
    api_version = Choice((API_VERSION,), blank="unset")
    metadata = Metadata()
    expand = Ignored()


class UpdateEndpointParameters(Strict):
    """`POST /v1/webhook_endpoints/{id}`."""

    url = WebhookUrl(metadata=_WHERE)
    enabled_events = EventNames(metadata=_NAMES)
    disabled = Flag()
    description = Words(DESCRIPTION_CHARACTERS_MAX, blank="kept")
    metadata = Metadata()
    expand = Ignored()


class NoParameters(Strict):
    """Calls that need none."""

    expand = Ignored()


class EndpointListQuery(Strict):
    """`GET /v1/webhook_endpoints`."""

    limit = Whole(metadata=LIMIT_METADATA)
    starting_after = Words(64, metadata={"description": "The `id` that the page begins after: older ones."})
    ending_before = Words(64, metadata={"description": "The `id` that the page ends before: newer ones."})
    expand = Ignored()


class EndpointPicture(Picture):
    """A webhook endpoint; fields that are not set are left out."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    api_version = fields.String(required=True)
    created = fields.Integer(metadata={"description": "Unix milliseconds; absent for one of the settings."})
    description = fields.String()
    enabled_events = fields.List(fields.String(), required=True)
    livemode = fields.Boolean(required=True)
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    read_only = fields.Boolean(metadata={"description": "It stands in the settings and can't be changed here."})
    secret = fields.String(metadata={"description": "Only in the answer that made it: keep it, it is not shown again."})
    status = fields.String(required=True, metadata={"enum": ["enabled", "disabled"]})
    url = fields.String(required=True)


class DeletedEndpoint(Picture):
    """What is left of a deleted webhook endpoint."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    deleted = fields.Boolean(required=True)


class EndpointList(Picture):
    """A page of webhook endpoints."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(EndpointPicture()), required=True)


CREATE: Final = CreateEndpointParameters()
UPDATE: Final = UpdateEndpointParameters()
NONE: Final = NoParameters()
LIST: Final = EndpointListQuery()
ENDPOINT: Final = EndpointPicture()
DELETED: Final = DeletedEndpoint()
ENDPOINT_LIST: Final = EndpointList()

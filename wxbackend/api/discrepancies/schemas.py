"""The Discrepancy's parameters; its picture stands with the events, which show it too."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.field_types import Choice, Ignored, Picture, Strict, Words
from wxbackend.api.pagination import ListQuery
from wxbackend.api.webhooks import DISCREPANCY, DiscrepancyPicture
from wxbackend.domain.discrepancy import NOTE_CHARACTERS_MAX, DiscrepancyKind


class ResolveParameters(Strict):
    """`POST /v1/discrepancies/{id}/resolve`."""

    note = Words(
        NOTE_CHARACTERS_MAX, required=True, metadata={"description": "What was found out and done, for the record."}
    )
    expand = Ignored()


class RetrieveQuery(Strict):
    """`GET /v1/discrepancies/{id}`."""

    expand = Ignored()


class DiscrepancyListQuery(ListQuery):
    """`GET /v1/discrepancies`."""

    status = Choice(("open", "resolved"), metadata={"description": "Only these."})
    kind = Choice(tuple(kind.value for kind in DiscrepancyKind), metadata={"description": "Only this kind."})
    bill_date = Words(10, metadata={"description": "Only what the bills of this day show, as 2026-11-21."})
    payment_intent = Words(64, metadata={"description": "Only those of this payment."})


class DiscrepancyList(Picture):
    """A page of Discrepancies."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(DiscrepancyPicture()), required=True)


RESOLVE: Final = ResolveParameters()
RETRIEVE: Final = RetrieveQuery()
LIST: Final = DiscrepancyListQuery()
SHOWN: Final = DISCREPANCY
LISTED: Final = DiscrepancyList()

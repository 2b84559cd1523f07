"""The Transfer's parameters and its picture in the OpenAPI document."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.field_types import Choice, Ignored, Metadata, Part, Picture, Strict, Whole, Words
from wxbackend.api.pagination import ListQuery
from wxbackend.api.part_list import PartList

DESCRIPTION_CHARACTERS_MAX: Final = 32
REPORT_CHARACTERS_MAX: Final = 32
REPORTS_MAX: Final = 8
NAME_CHARACTERS_MAX: Final = 64
_STATUSES: Final = ["pending", "requires_action", "canceling", "paid", "failed", "canceled"]


class TransferDestination(Strict):
    """`destination`."""

    type = Choice(("wechat_pay",))
    openid = Words(128, required=True, metadata={"description": "The recipient's openid in the app."})
    app_id = Words(32, metadata={"description": "The app that the openid belongs to, if there are several."})
    name = Words(
        NAME_CHARACTERS_MAX,
        bmp_only=True,
        metadata={"description": "The recipient's real name: needed from 2000.00 CNY on, refused below 0.30 CNY. "
                  "It goes out encrypted, is never shown, and is forgotten when the transfer ended."},
    )  # fmt: skip


class SceneReport(Strict):
    """`scene_report[n]`."""

    type = Words(15, required=True, bmp_only=True, metadata={"description": "What the scene wants to be told."})
    content = Words(REPORT_CHARACTERS_MAX, required=True, bmp_only=True)


class CreateTransferParameters(Strict):
    """`POST /v1/transfers`."""

    amount = Whole(required=True, metadata={"description": "In the smallest unit."})
    currency = Words(3, required=True, metadata={"description": "CNY."})
    destination = Part(TransferDestination(), required=True)
    description = Words(
        DESCRIPTION_CHARACTERS_MAX, required=True, bmp_only=True,
        metadata={"description": "What the recipient reads."},
    )  # fmt: skip
    scene = Words(36, required=True, metadata={"description": "The scene that the console granted you, such as 1005."})
    scene_report = PartList(
        SceneReport(), most=REPORTS_MAX, required=True,
        metadata={"description": "What WeChat Pay wants to be told in this scene; docs/money_out.md has the list."},
    )  # fmt: skip
    perception = Words(
        DESCRIPTION_CHARACTERS_MAX, bmp_only=True,
        metadata={"description": "What the money is called on the recipient's side, where the scene offers a choice."},
    )  # fmt: skip
    metadata = Metadata()
    expand = Ignored()


class UpdateTransferParameters(Strict):
    """`POST /v1/transfers/{id}`."""

    metadata = Metadata(required=True)
    expand = Ignored()


class CancelTransferParameters(Strict):
    """`POST /v1/transfers/{id}/cancel`."""

    expand = Ignored()


class RetrieveTransferQuery(Strict):
    """`GET /v1/transfers/{id}`."""

    expand = Ignored()


class DestinationPicture(Picture):
    """Who gets the money."""

    type = fields.String(required=True)
    app_id = fields.String(required=True)
    openid = fields.String(required=True)


class TransferNextAction(Picture):
    """What the recipient's front end does next."""

    type = fields.String(required=True, metadata={"enum": ["wechat_pay_request_merchant_transfer"]})
    wechat_pay_request_merchant_transfer = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "Hand it to wx.requestMerchantTransfer as it stands."},
    )


class TransferPicture(Picture):
    """A Transfer; fields that are not set are left out."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    amount = fields.Integer(required=True)
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})
    currency = fields.String(required=True)
    description = fields.String(required=True)
    destination = fields.Nested(DestinationPicture(), required=True)
    livemode = fields.Boolean(required=True)
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    next_action = fields.Nested(TransferNextAction())
    scene = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": _STATUSES})
    pending_reason = fields.String()
    failure_reason = fields.String()
    confirm_until = fields.Integer(metadata={"description": "Unix milliseconds; unconfirmed by then, it fails."})
    paid_at = fields.Integer(metadata={"description": "Unix milliseconds."})
    out_bill_no = fields.String(required=True, metadata={"description": "Its one number at WeChat Pay."})


class TransferList(Picture):
    """A page of Transfers."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(TransferPicture()), required=True)


CREATE: Final = CreateTransferParameters()
UPDATE: Final = UpdateTransferParameters()
CANCEL: Final = CancelTransferParameters()
RETRIEVE: Final = RetrieveTransferQuery()
LIST: Final = ListQuery()
TRANSFER: Final = TransferPicture()
TRANSFER_LIST: Final = TransferList()

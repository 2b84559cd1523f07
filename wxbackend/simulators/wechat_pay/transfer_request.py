"""The request for a merchant transfer: its fields, and the rules that need no book (reference: merchant transfer)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from wxbackend.simulators.wechat_pay.order_request import check_notify_url
from wxbackend.simulators.wechat_pay.refusal import CAUSE_PARAMETER, Refusal, bad_parameter
from wxbackend.simulators.wechat_pay.validation import Many, Shape, Text, Whole, check

OUT_BILL_NO = Text(32, 1, pattern=re.compile(r"[0-9A-Za-z]+"))
NOTIFY_URL_CHARACTERS_MAX = 256
NAME_NEEDED_FROM_FEN = 200_000
NAME_REFUSED_BELOW_FEN = 30
SCENES = {
    "1000": ("活动名称", "奖励说明"),
    "1002": ("补贴类型",),
    "1004": ("保险产品备案编号", "保险名称", "保险操作单号"),
    "1005": ("岗位类型", "报酬说明"),
    "1009": ("采购商品名称",),
    "1010": ("回收商品名称",),
    "1011": ("赔付原因",),
    "1013": ("公益活动名称", "公益活动备案编号"),
}
RECEIVE_STYLES = frozenset({"CONFIRM_PAGE", "RED_PACKET"})

TRANSFER = Shape(
    required={
        "appid": Text(32, 1),
        "out_bill_no": OUT_BILL_NO,
        "transfer_scene_id": Text(36, 1),
        "openid": Text(64, 1),
        "transfer_amount": Whole(1),
        "transfer_remark": Text(32, 1),
        "transfer_scene_report_infos": Many(
            Shape(required={"info_type": Text(15, 1), "info_content": Text(32, 1)}, optional={})
        ),
    },
    optional={
        "user_name": Text(1024, 1),
        "notify_url": Text(NOTIFY_URL_CHARACTERS_MAX, 1),
        "user_recv_perception": Text(32, 1),
        "user_recv_style": Shape(required={"type": Text(32, choices=RECEIVE_STYLES)}, optional={}),
    },
)


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """A well-formed request; `same` is what a repeat must have in common with it, the name in the clear."""

    appid: str
    out_bill_no: str
    openid: str
    amount: int
    remark: str
    scene: str
    user_name: str | None = field(repr=False)
    notify_url: str | None
    same: Mapping[str, object] = field(repr=False)


def read_transfer(body: dict[str, object], open_name: Callable[[str], str]) -> TransferRequest:
    """Check a parsed body field by field. `open_name` decrypts the name or raises Refusal."""
    check(body, TRANSFER)
    amount, sealed = cast("int", body["transfer_amount"]), cast("str | None", body.get("user_name"))
    _check_name(amount, sealed)
    scene = str(body["transfer_scene_id"])
    _check_scene(scene, cast("list[dict[str, str]]", body["transfer_scene_report_infos"]))
    notify_url = cast("str | None", body.get("notify_url"))
    if notify_url is not None:
        check_notify_url(notify_url)
    name = None if sealed is None else open_name(sealed)
    return TransferRequest(
        appid=str(body["appid"]),
        out_bill_no=str(body["out_bill_no"]),
        openid=str(body["openid"]),
        amount=amount,
        remark=str(body["transfer_remark"]),
        scene=scene,
        user_name=name,
        notify_url=notify_url,
        same=body | {"user_name": name},
    )


def _check_name(amount: int, sealed: str | None) -> None:
    if amount >= NAME_NEEDED_FROM_FEN and sealed is None:
        raise bad_parameter("/user_name", "转账金额大于等于2000元时必填")
    if amount < NAME_REFUSED_BELOW_FEN and sealed is not None:
        raise bad_parameter("/user_name", "转账金额小于0.3元时不支持填写")


def _check_scene(scene: str, infos: list[dict[str, str]]) -> None:
    wanted = SCENES.get(scene)
    if wanted is None:
        raise Refusal(400, "INVALID_REQUEST", "转账场景不存在或未开通", cause=CAUSE_PARAMETER)
    if sorted(info["info_type"] for info in infos) != sorted(wanted):
        raise bad_parameter("/transfer_scene_report_infos", f"该场景须报备: {'、'.join(wanted)}")

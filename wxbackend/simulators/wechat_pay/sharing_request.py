"""Requests of profit sharing: their fields, and the rules that need no book (reference: profit sharing)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from wxbackend.simulators.wechat_pay.refusal import CAUSE_EXTRA_PARAMETER, bad_parameter
from wxbackend.simulators.wechat_pay.validation import Flag, Many, Shape, Text, Whole, check

NUMBER = Text(64, 1, pattern=re.compile(r"[0-9A-Za-z_\-|*@]+"))
MERCHANT, PERSON = "MERCHANT_ID", "PERSONAL_OPENID"
KINDS = frozenset({MERCHANT, PERSON, "PERSONAL_SUB_OPENID"})
RELATIONS = frozenset(
    {
        "SERVICE_PROVIDER", "STORE", "STAFF", "STORE_OWNER", "PARTNER", "HEADQUARTER", "BRAND", "DISTRIBUTOR", "USER",
        "SUPPLIER", "CUSTOM",
    }
)  # fmt: skip
RECEIVERS_MAX = 50
_ACCOUNT = Text(64, 1)
_APPID = Text(32, 1)
_DESCRIPTION = Text(80, 1)
_RECEIVER = Shape(
    required={"type": Text(32, choices=KINDS), "account": _ACCOUNT, "amount": Whole(1), "description": _DESCRIPTION},
    optional={"name": Text(1024, 1)},
)
SHARE = Shape(
    required={"transaction_id": Text(32, 1), "out_order_no": NUMBER, "unfreeze_unsplit": Flag()},
    optional={"appid": _APPID, "receivers": Many(_RECEIVER)},
)
UNFREEZE = Shape(
    required={"transaction_id": Text(32, 1), "out_order_no": NUMBER, "description": _DESCRIPTION}, optional={}
)
RETURN = Shape(
    required={"out_return_no": NUMBER, "return_mchid": Text(32, 1), "amount": Whole(1), "description": _DESCRIPTION},
    optional={"order_id": Text(64, 1), "out_order_no": NUMBER},
)
ADD = Shape(
    required={
        "appid": _APPID,
        "type": Text(32, choices=KINDS),
        "account": _ACCOUNT,
        "relation_type": Text(32, choices=RELATIONS),
    },
    optional={"name": Text(1024, 1), "custom_relation": Text(10, 1)},
)
DELETE = Shape(required={"appid": _APPID, "type": Text(32, choices=KINDS), "account": _ACCOUNT}, optional={})


@dataclass(frozen=True, slots=True)
class PartRequest:
    """One receiver of a request."""

    kind: str
    account: str = field(repr=False)
    amount: int
    description: str
    name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ShareRequest:
    """A well-formed request to share or to release; `same` is what a repeat must have in common with it."""

    transaction_id: str
    out_order_no: str
    parts: tuple[PartRequest, ...]
    finish: bool
    description: str
    same: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReturnRequest:
    """A well-formed request to bring a part back."""

    out_order_no: str | None
    order_id: str | None
    out_return_no: str
    return_mchid: str
    amount: int
    description: str
    same: Mapping[str, object] = field(repr=False)


def read_share(body: dict[str, object], open_name: Callable[[str, str], str]) -> ShareRequest:
    """Check a parsed body. `open_name` decrypts a name, named by its place, or raises Refusal."""
    check(body, SHARE)
    listed = cast("list[dict[str, object]]", body.get("receivers", []))
    if not 1 <= len(listed) <= RECEIVERS_MAX:
        raise bad_parameter("/receivers", f"分账接收方应为1到{RECEIVERS_MAX}个")
    parts = tuple(_part(each, f"/receivers/{place}", open_name) for place, each in enumerate(listed))
    if any(part.kind != MERCHANT for part in parts) and "appid" not in body:
        raise bad_parameter("/appid", "分账接收方包含个人时必填")
    return ShareRequest(
        transaction_id=str(body["transaction_id"]),
        out_order_no=str(body["out_order_no"]),
        parts=parts,
        finish=bool(body["unfreeze_unsplit"]),
        description="",
        same=body | {"receivers": parts},
    )


def read_unfreeze(body: dict[str, object]) -> ShareRequest:
    """Check a parsed body."""
    check(body, UNFREEZE)
    number = str(body["out_order_no"])
    return ShareRequest(str(body["transaction_id"]), number, (), True, str(body["description"]), same=body)  # noqa: FBT003


def read_return(body: dict[str, object]) -> ReturnRequest:
    """Check a parsed body; one of the two numbers names the sharing."""
    check(body, RETURN)
    if ("order_id" in body) == ("out_order_no" in body):
        raise bad_parameter("/out_order_no", "order_id与out_order_no应二选一")
    return ReturnRequest(
        out_order_no=cast("str | None", body.get("out_order_no")),
        order_id=cast("str | None", body.get("order_id")),
        out_return_no=str(body["out_return_no"]),
        return_mchid=str(body["return_mchid"]),
        amount=cast("int", body["amount"]),
        description=str(body["description"]),
        same=body,
    )


def _part(receiver: dict[str, object], path: str, open_name: Callable[[str, str], str]) -> PartRequest:
    kind = str(receiver["type"])
    if kind not in (MERCHANT, PERSON):
        raise bad_parameter(f"{path}/type", "普通商户不支持该接收方类型", cause=CAUSE_EXTRA_PARAMETER)
    sealed = cast("str | None", receiver.get("name"))
    return PartRequest(
        kind=kind,
        account=str(receiver["account"]),
        amount=cast("int", receiver["amount"]),
        description=str(receiver["description"]),
        name=None if sealed is None else open_name(sealed, f"{path}/name"),
    )

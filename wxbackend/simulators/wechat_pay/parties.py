"""Whose order it is, and who signs for it: a merchant itself, or a service provider for one of its sub-merchants.

The orders of a service provider are a world of their own: no merchant sees them, and it sees no merchant's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_EXTRA_PARAMETER,
    CAUSE_MERCHANT_ORDER_MISMATCH,
    CAUSE_NO_RELATION,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_PARAMETER,
    CAUSE_SUB_MERCHANT_IS_OWN,
    CAUSE_SUB_MERCHANT_MISSING,
    CAUSE_SUB_MERCHANT_ORDER_MISMATCH,
    Refusal,
    bad_parameter,
)
from wxbackend.simulators.wechat_pay.validation import Flag, Rule, Shape, Text, Whole

if TYPE_CHECKING:
    from wxbackend.simulators.wechat_pay.order_request import OrderRequest
    from wxbackend.simulators.world import World

NUMBER = Text(32, 1)
SUB_MCHID = "sub_mchid"
PARTNER_MERCHANT: Mapping[str, Rule] = {"sp_mchid": NUMBER, "sub_mchid": NUMBER}
_PARTNER_APPS: Mapping[str, Rule] = {"sp_appid": Text(32, 1)}
_PARTNER_PAYER: Mapping[str, Rule] = {"sp_openid": Text(128, 1), "sub_openid": Text(128, 1)}


@dataclass(frozen=True, slots=True)
class Parties:
    """Who is named: the merchant whose money it is, the app and openid of the payer, and the service provider."""

    mchid: str
    appid: str
    openid: str | None = None
    sp_mchid: str | None = None
    sp_appid: str | None = None
    sub_appid: str | None = None

    @property
    def signed_by(self) -> str:
        """The number of who signs: the service provider where there is one, or the merchant itself."""
        return self.sp_mchid or self.mchid


def partner_shape(shape: Shape) -> Shape:
    """The shape of the same request in partner mode: other names for the parties, and a subsidy beside."""
    required = {name: rule for name, rule in shape.required.items() if name not in ("appid", "mchid")}
    changed = {"payer": _partner_payer, "settle_info": _partner_settlement}

    def members(rules: Mapping[str, Rule]) -> dict[str, Rule]:
        return {name: changed[name](cast("Shape", rule)) if name in changed else rule for name, rule in rules.items()}

    return Shape(
        required={**_PARTNER_APPS, **PARTNER_MERCHANT, **members(required)},
        optional={"sub_appid": Text(32, 1), **members(shape.optional)},
    )


def _partner_payer(shape: Shape) -> Shape:
    if "openid" not in shape.optional:
        return shape
    kept = {name: rule for name, rule in shape.optional.items() if name != "openid"}
    return Shape(shape.required, {**kept, **_PARTNER_PAYER})


def _partner_settlement(shape: Shape) -> Shape:
    return Shape(shape.required, {**shape.optional, "profit_sharing": Flag(), "subsidy_amount": Whole(0)})


def read_parties(body: Mapping[str, object]) -> Parties:
    """The parties in a well-formed order. Raises Refusal for a payer that is named twice or under no app."""
    payer = cast("dict[str, str]", body.get("payer", {}))
    if "sp_mchid" not in body:
        return Parties(str(body["mchid"]), str(body["appid"]), payer.get("openid"))
    sp_appid, sub_appid = str(body["sp_appid"]), cast("str | None", body.get("sub_appid"))
    of_provider, of_sub_merchant = payer.get("sp_openid"), payer.get("sub_openid")
    if of_provider is not None and of_sub_merchant is not None:
        raise bad_parameter("/payer", "sp_openid与sub_openid只能二选一")
    if of_sub_merchant is not None and sub_appid is None:
        raise bad_parameter("/sub_appid", "传sub_openid时必填")
    own = sub_appid is None or of_provider is not None
    return Parties(
        mchid=str(body["sub_mchid"]),
        appid=sp_appid if own or sub_appid is None else sub_appid,
        openid=of_provider or of_sub_merchant,
        sp_mchid=str(body["sp_mchid"]),
        sp_appid=sp_appid,
        sub_appid=sub_appid,
    )


def merchant_members(request: OrderRequest) -> dict[str, object]:
    """The numbers as answers and notices name them."""
    if request.sp_mchid is None:
        return {"mchid": request.mchid}
    return {"sp_mchid": request.sp_mchid, "sub_mchid": request.mchid}


def party_members(request: OrderRequest) -> dict[str, object]:
    """Apps and numbers as answers and notices name them."""
    if request.sp_mchid is None:
        return {"appid": request.appid, **merchant_members(request)}
    own = {"sub_appid": request.sub_appid} if request.sub_appid is not None else {}
    return {"sp_appid": request.sp_appid, **own, **merchant_members(request)}


def payer_members(request: OrderRequest, openid: str, openids: Mapping[str, str]) -> dict[str, object]:
    """The payer as answers and notices name it: in partner mode under each app that the order names."""
    if request.sp_mchid is None:
        return {"openid": openid}
    known = {**openids, request.appid: openid}
    named = {"sp_openid": request.sp_appid or "", "sub_openid": request.sub_appid or ""}
    return {name: known[appid] for name, appid in named.items() if appid in known}


def check_merchant(call: Call, mchid: str | None) -> None:
    """Refuse a body that names no merchant, or another one than who signed."""
    if not mchid:
        raise Refusal(400, "PARAM_ERROR", "缺少参数mchid", cause=CAUSE_PARAMETER)
    if mchid != call.mchid:
        raise Refusal(
            400,
            "PARAM_ERROR",
            "mchid不匹配，与Authorization中的商户号不一致",
            cause=CAUSE_MERCHANT_ORDER_MISMATCH,
        )


def check_named(world: World, call: Call, named: Mapping[str, object], *, partner: bool) -> Parties:
    """The merchant that a query or a body names, if it is who signed, or one of its sub-merchants."""
    if not partner:
        mchid = named.get("mchid")
        check_merchant(call, str(mchid) if mchid else None)
        return Parties(call.mchid, "")
    for name in PARTNER_MERCHANT:
        if not named.get(name):
            raise Refusal(400, "PARAM_ERROR", f"缺少参数{name}", cause=CAUSE_PARAMETER)
    sp_mchid, sub_mchid = str(named["sp_mchid"]), str(named["sub_mchid"])
    if sp_mchid != call.mchid:
        raise Refusal(
            400,
            "PARAM_ERROR",
            "sp_mchid不匹配，与Authorization中的商户号不一致",
            cause=CAUSE_MERCHANT_ORDER_MISMATCH,
        )
    _check_sub_merchant(world, sp_mchid, sub_mchid)
    return Parties(sub_mchid, "", sp_mchid=sp_mchid)


def check_beside(world: World, call: Call, named: Mapping[str, object]) -> Parties:
    """The same where the signature names the signer, and a service provider its sub-merchant beside."""
    if call.mchid == world.credentials.mchid:
        if SUB_MCHID in named:
            raise bad_parameter("/sub_mchid", "普通商户不允许传sub_mchid", cause=CAUSE_EXTRA_PARAMETER)
        return Parties(call.mchid, "")
    if not named.get(SUB_MCHID):
        raise bad_parameter("/sub_mchid", "服务商必须传sub_mchid", cause=CAUSE_SUB_MERCHANT_MISSING)
    sub_mchid = str(named[SUB_MCHID])
    _check_sub_merchant(world, call.mchid, sub_mchid)
    return Parties(sub_mchid, "", sp_mchid=call.mchid)


def _check_sub_merchant(world: World, sp_mchid: str, sub_mchid: str) -> None:
    if sub_mchid == sp_mchid:
        raise Refusal(400, "INVALID_REQUEST", "sub_mchid不能与sp_mchid相同", cause=CAUSE_SUB_MERCHANT_IS_OWN)
    provider = world.credentials.service_provider
    if sp_mchid != provider.signer.mchid or sub_mchid not in provider.sub_merchants:
        raise Refusal(403, "NO_AUTH", "子商户号未授权该服务商", cause=CAUSE_NO_RELATION)


def check_owner(request: OrderRequest, parties: Parties, *, unknown: str = "ORDER_NOT_EXIST") -> None:
    """Refuse an order of somebody else: unknown to whom did not sign it, refused for another sub-merchant's."""
    if request.signed_by != parties.signed_by:
        raise Refusal(404, unknown, "订单不存在", cause=CAUSE_ORDER_NOT_FOUND)
    if request.mchid != parties.mchid:
        raise Refusal(400, "INVALID_REQUEST", "子商户号与订单不匹配", cause=CAUSE_SUB_MERCHANT_ORDER_MISMATCH)


def is_bound(world: World, parties: Parties) -> bool:
    """Whether every app that is named belongs to who names it."""
    if parties.sp_mchid is None:
        app = world.credentials.app(parties.appid)
        return app is not None and app.bound
    provider = world.credentials.service_provider
    theirs = provider.sub_merchants.get(parties.mchid, frozenset())
    return parties.sp_appid in provider.apps and (parties.sub_appid is None or parties.sub_appid in theirs)

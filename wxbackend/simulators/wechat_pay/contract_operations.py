"""What WeChat Pay does about contracts and debits once a request has passed the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wxbackend.simulators.clock import rfc3339
from wxbackend.simulators.wechat_pay.contract_request import (
    OUT_CONTRACT_CODE,
    PLANS,
    SCENES,
    TERMINATE,
    read_debit,
    read_notice,
    read_schedule,
    read_sign,
)
from wxbackend.simulators.wechat_pay.contracts import BY_MERCHANT, contract_view
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import NOTICE_WAIT_S, Result
from wxbackend.simulators.wechat_pay.order_request import OUT_TRADE_NO
from wxbackend.simulators.wechat_pay.orders import transaction_view
from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_APPID_MISMATCH,
    CAUSE_ORDER_NOT_FOUND,
    CAUSE_PARAMETER,
    Refusal,
    bad_parameter,
)
from wxbackend.simulators.wechat_pay.validation import check, parse_object
from wxbackend.simulators.world import World

SIGN_APPID = "wxbd687630cd02ce1d"
SIGN_PATH = "pages/PwdExemptContract/index"


def open_page(scene: str, phone_url: str) -> Callable[[World, Call], Result]:
    """A page to sign on, for an official account or a mini program."""

    def operation(world: World, call: Call) -> Result:
        wish = read_sign(parse_object(call.body), scene)
        if wish.plan_id not in PLANS:
            raise bad_parameter("/plan_id", "模板不存在或不属于该商户")
        app = world.credentials.app(wish.appid)
        if app is None or not app.bound:
            raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配，请检查后再试", cause=CAUSE_APPID_MISMATCH)
        if app.kind != SCENES[scene]:
            raise bad_parameter("/appid", "appid类型与签约场景不符")
        if wish.openid is not None:
            owner = world.buyers.owner(wish.openid)
            if owner is None or owner[1] != wish.appid:
                raise Refusal(400, "INVALID_REQUEST", "appid与openid不匹配", cause=CAUSE_PARAMETER)
        page = world.contracts.place(wish)
        if scene == "jsapi":
            return Result({"redirect_url": f"{phone_url}?pre_entrust_id={page}"})
        return Result({"pre_entrustweb_id": page, "redirect_appid": SIGN_APPID, "redirect_path": SIGN_PATH})

    return operation


def query_contract(plan_id: str, code: str) -> Callable[[World, Call], Result]:
    """A contract by the merchant's number, once it was signed."""

    def operation(world: World, _call: Call) -> Result:
        check(code, OUT_CONTRACT_CODE, "/out_contract_code")
        return Result(contract_view(world.contracts.get(plan_id, code), world.credentials.mchid))

    return operation


def terminate_contract(plan_id: str, code: str) -> Callable[[World, Call], Result]:
    """The merchant ends a contract."""

    def operation(world: World, call: Call) -> Result:
        body = parse_object(call.body)
        check(body, TERMINATE)
        with world.lock:
            world.contracts.get(plan_id, code)
            remark = str(body["contract_termination_remark"])
            ended = world.contracts.terminate(code, by=BY_MERCHANT, remark=remark)
        return Result(contract_view(ended, world.credentials.mchid))

    return operation


def apply_debit(world: World, call: Call) -> Result:
    """Accept a debit; its result comes later."""
    request, contract_id = read_debit(parse_object(call.body), world.credentials.mchid)
    world.debits.apply(request, contract_id)
    world.settler.nudge()
    answer = {"out_trade_no": request.out_trade_no, "amount": {"total": request.total, "currency": "CNY"}}
    return Result(answer, request.out_trade_no)


def query_debit(out_trade_no: str, query: Mapping[str, str]) -> Callable[[World, Call], Result]:
    """A debit by the merchant's number; an order of another kind is not one."""

    def operation(world: World, _call: Call) -> Result:
        if query.get("mchid") != world.credentials.mchid:
            raise Refusal(400, "PARAM_ERROR", "mchid不匹配或缺少", cause=CAUSE_PARAMETER)
        check(out_trade_no, OUT_TRADE_NO, "/out_trade_no")
        order = world.orders.get(out_trade_no)
        if order.request.trade_type != "PAP":
            raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在", cause=CAUSE_ORDER_NOT_FOUND)
        return Result(transaction_view(order))

    return operation


def schedule_debit(contract_id: str) -> Callable[[World, Call], Result]:
    """The buyer is told of a debit to come, and the merchant when it may be made."""

    def operation(world: World, call: Call) -> Result:
        appid, total = read_schedule(parse_object(call.body))
        schedule = world.debits.tell_buyer(contract_id, appid, total)
        return Result(
            {
                "schedule_state": "SCHEDULED",
                "deduct_start_date": rfc3339(schedule.opens_at)[:10],
                "deduct_end_date": rfc3339(schedule.closes_at)[:10],
            }
        )

    return operation


def notify_debit(contract_id: str) -> Callable[[World, Call], Result]:
    """The older way to have the buyer told: 204."""

    def operation(world: World, call: Call) -> Result:
        appid, total = read_notice(parse_object(call.body), world.credentials.mchid)
        world.debits.tell_buyer(contract_id, appid, total)
        return Result(None)

    return operation


def settle_debit_at_once(world: World, result: Result) -> None:
    """The debit ends as planned before the merchant has our answer, and its notice goes out first."""
    if result.out_trade_no is None:
        return
    world.debits.settle_planned(result.out_trade_no)
    for parcel in world.courier.parcels():
        if parcel.notice.out_trade_no == result.out_trade_no:
            world.courier.wait_attempted(parcel.notice.id, NOTICE_WAIT_S)

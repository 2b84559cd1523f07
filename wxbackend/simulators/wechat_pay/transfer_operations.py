"""What WeChat Pay does about merchant transfers once a request has passed the gate, and what the recipient does."""

from __future__ import annotations

from collections.abc import Callable

from wxbackend.simulators.buyers import Buyer, account_of
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import Result
from wxbackend.simulators.wechat_pay.refusal import CAUSE_APPID_MISMATCH, CAUSE_PARAMETER, Refusal, bad_parameter
from wxbackend.simulators.wechat_pay.signing import open_field
from wxbackend.simulators.wechat_pay.transfer_request import OUT_BILL_NO, TransferRequest, read_transfer
from wxbackend.simulators.wechat_pay.transfers import (
    FAIL,
    WAITING,
    WRONG_NAME,
    Transfer,
    canceled_view,
    created_view,
    transfer_view,
)
from wxbackend.simulators.wechat_pay.validation import check, parse_object
from wxbackend.simulators.world import World

CONFIRM, LEAVE, BREAK = "confirm", "cancel", "fail"
OUTCOMES = (CONFIRM, LEAVE, BREAK)
INVOKED = "requestMerchantTransfer"


def create_transfer(world: World, call: Call) -> Result:
    """Begin a transfer, or tell where the same one stands."""
    wish = read_transfer(parse_object(call.body), _name_opener(world, call))
    with world.lock:
        transfer = world.transfers.accept(wish, receiver=_receiver(world, wish))
    world.settler.nudge()
    return Result(created_view(transfer))


def query_transfer(out_bill_no: str) -> Callable[[World, Call], Result]:
    """A transfer by the merchant's number."""

    def operation(world: World, _call: Call) -> Result:
        check(out_bill_no, OUT_BILL_NO, "/out_bill_no")
        return Result(transfer_view(world.transfers.get(out_bill_no), world.credentials.mchid))

    return operation


def cancel_transfer(out_bill_no: str) -> Callable[[World, Call], Result]:
    """Take a transfer back that was not confirmed."""

    def operation(world: World, call: Call) -> Result:
        if call.body:
            raise Refusal(400, "PARAM_ERROR", "该接口不接受请求体", cause=CAUSE_PARAMETER)
        check(out_bill_no, OUT_BILL_NO, "/out_bill_no")
        transfer = world.transfers.cancel(out_bill_no)
        world.settler.nudge()
        return Result(canceled_view(transfer))

    return operation


def confirm_params(
    world: World, *, buyer: Buyer, params: dict[str, object], outcome: str, fail_reason: str
) -> dict[str, object]:
    """wx.requestMerchantTransfer with what the page holds; what it calls back with."""
    package = params.get("package")
    transfer = world.transfers.by_package(package) if isinstance(package, str) else None
    if transfer is None:
        return {"err_msg": f"{INVOKED}:fail invalid package", "state": None}
    if params.get("mchId") != world.credentials.mchid or params.get("appId") != transfer.request.appid:
        return {"err_msg": f"{INVOKED}:fail mchId or appId does not fit the package", "state": transfer.state}
    return confirm(world, buyer=buyer, transfer=transfer, outcome=outcome, fail_reason=fail_reason)


def confirm(world: World, *, buyer: Buyer, transfer: Transfer, outcome: str, fail_reason: str) -> dict[str, object]:
    """The person confirms, leaves the page, or cannot be paid."""
    number = transfer.request.out_bill_no
    with world.lock:
        if transfer.request.openid not in buyer.openids.values():
            return {"err_msg": f"{INVOKED}:fail not the recipient", "state": transfer.state}
        if outcome == LEAVE:
            return {"err_msg": f"{INVOKED}:cancel", "state": world.transfers.get(number).state}
        if world.transfers.get(number).state != WAITING:
            return {"err_msg": f"{INVOKED}:fail nothing to confirm", "state": world.transfers.get(number).state}
        wrong_name = transfer.request.user_name not in (None, buyer.name)
        if outcome == BREAK or wrong_name:
            reason = WRONG_NAME if wrong_name else fail_reason
            ended = world.transfers.end(number, FAIL, fail_reason=reason)
            return {"err_msg": f"{INVOKED}:fail {reason}", "state": ended.state}
        confirmed = world.transfers.confirm(number)
    world.settler.nudge()
    return {"err_msg": f"{INVOKED}:ok", "state": confirmed.state}


def _name_opener(world: World, call: Call) -> Callable[[str], str]:
    def opened(sealed: str) -> str:
        key = world.keys.private_key(call.wechatpay_serial or "")
        if key is None:
            raise Refusal(400, "PARAM_ERROR", "Http头Wechatpay-Serial缺少或无效", cause=CAUSE_PARAMETER)
        name = open_field(key, sealed)
        if not name:
            raise bad_parameter("/user_name", "敏感信息解密失败")
        return name.decode("utf-8", "replace")

    return opened


def _receiver(world: World, wish: TransferRequest) -> str:
    app = world.credentials.app(wish.appid)
    if app is None or not app.bound:
        raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配，请检查后再试", cause=CAUSE_APPID_MISMATCH)
    owner = world.buyers.owner(wish.openid)
    if owner is None or owner[1] != wish.appid:
        raise Refusal(400, "INVALID_REQUEST", "appid与openid不匹配", cause=CAUSE_PARAMETER)
    return account_of(owner[0].id)

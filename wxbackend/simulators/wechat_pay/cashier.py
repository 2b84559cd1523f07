"""The cashier on the buyer's phone: it checks what a page handed it, takes the money once, and reports back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wxbackend.simulators.buyers import Buyer, account_of
from wxbackend.simulators.ledger import MERCHANT, Movement, NotEnoughMoneyError
from wxbackend.simulators.wechat_pay.notices import make_notice
from wxbackend.simulators.wechat_pay.orders import CLOSED, Order, transaction_view
from wxbackend.simulators.wechat_pay.signing import cashier_message, verify
from wxbackend.simulators.wechat_pay.v2.notices import payment_notice
from wxbackend.simulators.wechat_pay.v2.signing import fits
from wxbackend.simulators.world import World

PREPAY_PACKAGE = re.compile(r"prepay_id=(\S+)")
PACKAGE_CHARACTERS_MAX = 128
NONCE_CHARACTERS_MAX = 32
SIGNATURE_CHARACTERS_MAX = 512
OUTCOMES = (
    "pay",
    "cancel",
    "fail",
    "wrong_password",
    "no_money",
    "pay_but_report_cancel",
    "pay_and_say_nothing",
)
PAYING = ("pay", "pay_but_report_cancel", "pay_and_say_nothing")
FAILURES = {"fail": "支付失败", "wrong_password": "支付密码错误", "no_money": "余额不足"}
BAD_PREPAY = "缺少参数 total_fee"
BAD_SIGNATURE = "支付验证签名失败"
OTHER_PAYER = "下单账号与支付账号不一致"
OPENED_BY_ANOTHER = "订单信息错误，请重新下单"
"""One code or link, one payer: a second account that opens it is told so (reference: WeChat Pay v3 life times)."""
ALREADY_PAID = "该订单已支付"
NO_LONGER_VALID = "该订单已失效"


@dataclass(frozen=True, slots=True)
class Channel:
    """How one way of invoking the cashier names its time field and reports back (reference: WeChat Pay invocation)."""

    ok: str
    cancel: str
    fail: str
    time_field: str
    passes_appid: bool
    numeric_time: bool
    detail_in_message: bool


CHANNELS = {
    "official_account": Channel(
        ok="get_brand_wcpay_request:ok",
        cancel="get_brand_wcpay_request:cancel",
        fail="get_brand_wcpay_request:fail",
        time_field="timeStamp",
        passes_appid=True,
        numeric_time=False,
        detail_in_message=False,
    ),
    "mini_program": Channel(
        ok="requestPayment:ok",
        cancel="requestPayment:fail cancel",
        fail="requestPayment:fail",
        time_field="timeStamp",
        passes_appid=False,
        numeric_time=False,
        detail_in_message=True,
    ),
    "js_sdk": Channel(
        ok="chooseWXPay:ok",
        cancel="chooseWXPay:cancel",
        fail="chooseWXPay:fail",
        time_field="timestamp",
        passes_appid=False,
        numeric_time=True,
        detail_in_message=False,
    ),
}


@dataclass(frozen=True, slots=True)
class Invocation:
    """A page's call of the cashier.

    An official account page names its appId among the parameters; the other channels sign with `appid`,
    the app in which they run.
    """

    channel: Channel
    appid: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the page hears; `err_msg` is None when it hears nothing."""

    err_msg: str | None
    err_desc: str | None
    order: Order | None
    notice_id: str | None = None

    def view(self) -> dict[str, object]:
        """The settlement as the desk answers it."""
        view: dict[str, object] = {"err_msg": self.err_msg}
        if self.err_desc is not None:
            view["err_desc"] = self.err_desc
        if self.order is not None:
            view["order"] = transaction_view(self.order)
        return view


class CashierClosedError(Exception):
    """The cashier refuses to open or to take the money; the text is what the buyer reads."""

    def __init__(self, text: str, order: Order | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.order = order


def settle_params(world: World, *, buyer: Buyer, invocation: Invocation, outcome: str) -> Settlement:
    """Check the signed parameters a page passed in and do as the buyer wants."""
    channel = invocation.channel
    try:
        order = _open(world, invocation)
    except CashierClosedError as closed:
        return failed(channel, closed)
    return settle_order(world, buyer=buyer, channel=channel, order=order, outcome=outcome)


def settle_order(world: World, *, buyer: Buyer, channel: Channel, order: Order, outcome: str) -> Settlement:
    """Do as the buyer wants with an order whose cashier is open. Raises ValueError for an unknown outcome."""
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}")
    try:
        with world.lock:
            order = _still_payable(world, order, buyer)
            if outcome == "cancel":
                return Settlement(channel.cancel, None, order)
            if outcome not in PAYING:
                raise CashierClosedError(FAILURES[outcome], order)
            paid = _pay(world, order, buyer)
        notice_id = _tell(world, paid)
    except CashierClosedError as closed:
        return failed(channel, closed)
    reports = {"pay": channel.ok, "pay_but_report_cancel": channel.cancel}
    return Settlement(reports.get(outcome), None, paid, notice_id)


def _open(world: World, invocation: Invocation) -> Order:
    fields = _read(invocation)
    package = PREPAY_PACKAGE.fullmatch(fields["package"])
    prepay = world.orders.live_prepay(package[1]) if package else None
    order = world.orders.find(prepay.out_trade_no) if prepay else None
    if order is None or order.request.appid != fields["appId"] or order.request.trade_type != "JSAPI":
        raise CashierClosedError(BAD_PREPAY)
    if fields["signType"] != (order.request.sign_type or "RSA") or not _signed(world, fields, order):
        raise CashierClosedError(BAD_SIGNATURE, order)
    return order


def _signed(world: World, fields: Mapping[str, str], order: Order) -> bool:
    """Whether the page's parameters bear the signature of who signed the order, of the type that they name."""
    if fields["signType"] != "RSA":
        names = {"timeStamp": "time"} | {name: name for name in ("appId", "nonceStr", "package", "signType")}
        covered = {name: fields[source] for name, source in names.items()} | {"sign": fields["paySign"]}
        return fits(covered, world.credentials.apiv2_key, fields["signType"])
    message = cashier_message(
        appid=fields["appId"],
        timestamp=fields["time"],
        nonce=fields["nonceStr"],
        package=fields["package"],
    )
    return verify(world.credentials.signs(order.request.signed_by).public_key, message, fields["paySign"])


def _read(invocation: Invocation) -> dict[str, str]:
    channel, params = invocation.channel, invocation.params
    names = ["nonceStr", "package", "paySign"]
    given = {name: params.get(name) for name in [*names, "signType", channel.time_field]}
    # A mini program or chooseWXPay that leaves signType out means MD5, which an APIv3 order never matches.
    if not channel.passes_appid and given["signType"] is None:
        given["signType"] = "MD5"
    given["appId"] = params.get("appId") if channel.passes_appid else invocation.appid
    time = given[channel.time_field]
    if channel.numeric_time and isinstance(time, int) and not isinstance(time, bool):
        given[channel.time_field] = str(time)
    read = {}
    for name, value in given.items():
        if not isinstance(value, str) or not value:
            raise CashierClosedError(_missing(channel, name, value))
        read[name] = value
    lengths = (
        len(read["nonceStr"]) <= NONCE_CHARACTERS_MAX
        and len(read["package"]) <= PACKAGE_CHARACTERS_MAX
        and len(read["paySign"]) <= SIGNATURE_CHARACTERS_MAX
    )
    if not lengths or not re.fullmatch(r"[0-9]{1,32}", read[channel.time_field]):
        raise CashierClosedError(BAD_SIGNATURE)
    read["time"] = read[channel.time_field]
    return read


def _missing(channel: Channel, name: str, value: object) -> str:
    if not channel.detail_in_message:
        return f"缺少参数 {name}"
    kind = "Undefined" if value is None else "Number" if isinstance(value, int | float) else "Object"
    return f"parameter error: parameter.{name} should be String instead of {kind};"


def _still_payable(world: World, order: Order, buyer: Buyer) -> Order:
    current = world.combined.parts(world.orders.get(order.request.out_trade_no))[0]
    if current.paid:
        raise CashierClosedError(ALREADY_PAID, current)
    if current.state == CLOSED:
        raise CashierClosedError(NO_LONGER_VALID, current)
    openid = buyer.openids[current.request.appid]
    current = world.orders.open_for(current.request.out_trade_no, openid)
    if current.payer != openid:
        raise CashierClosedError(OTHER_PAYER if current.request.openid else OPENED_BY_ANOTHER, current)
    return current


def _pay(world: World, order: Order, buyer: Buyer) -> Order:
    """Take the money of the order, or of all parts of its combined order: all of it or none."""
    parts, account = world.combined.parts(order), account_of(buyer.id)
    asked = sum(part.request.total for part in parts)
    if len(parts) > 1 and world.ledger.balance(account) < asked:
        raise CashierClosedError(FAILURES["no_money"], order)
    for part in parts:
        request = part.request
        try:
            if request.abroad:
                world.abroad.take(account, request.total, request.currency, memo=request.out_trade_no)
            else:
                world.ledger.move(Movement(account, MERCHANT, request.total, request.out_trade_no))
        except NotEnoughMoneyError as error:
            raise CashierClosedError(FAILURES["no_money"], order) from error
        world.orders.mark_paid(request.out_trade_no, buyer.openids[request.appid], buyer.openids)
    return world.orders.get(order.request.out_trade_no)


def _tell(world: World, order: Order) -> str:
    url, now = order.request.notify_url, world.clock.now()
    combined = world.combined.of(order)
    told = transaction_view(order) if combined is None else world.combined.view(combined)
    notice = (
        make_notice(told, url=url, apiv3_key=world.credentials.signs(order.request.signed_by).apiv3_key, now=now)
        if order.request.sign_type is None
        else payment_notice(order, world.credentials, url=url, now=now)
    )
    world.courier.announce(notice)
    return notice.id


def failed(channel: Channel, closed: CashierClosedError) -> Settlement:
    """What the page hears when the cashier refuses."""
    err_msg = f"{channel.fail} {closed.text}" if channel.detail_in_message else channel.fail
    return Settlement(err_msg, closed.text, closed.order)

"""A day's bills, made from the books: the trade bill and the fund flow, in the very format of WeChat's files.

UTF-8 with a byte order mark, CRLF, a back-tick before every value, yuan with two decimals and fees with five, sums at
the end. The desk may spoil a day's bill in every way in which a real one could differ from a merchant's books.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from wxbackend.simulators.clock import BEIJING
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_pay.refunds import ABNORMAL, CLOSED, PROCESSING, SUCCESS, Refund

TRADE, FUNDS = "tradebill", "fundflowbill"
RATE_MILLIONTHS_DEFAULT = 6_000
MARK = "\ufeff"
TRADE_COLUMNS = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识", "交易类型",
    "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额", "微信退款单号", "商户退款单号", "退款金额",
    "充值券退款金额", "退款类型", "退款状态", "商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额",
    "费率备注",
)  # fmt: skip
REFUND_COLUMNS = ("微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态", "申请退款金额")
TRADE_SUMS = {
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}
FUNDS_COLUMNS = (
    "记账时间", "微信支付业务单号", "资金流水单号", "业务名称", "业务类型", "收支类型", "收支金额(元)", "账户结余(元)",
    "资金变更提交申请人", "备注", "业务凭证号",
)  # fmt: skip
REFUND_WORDS = {SUCCESS: "SUCCESS", PROCESSING: "PROCESSING", ABNORMAL: "CHANGE", CLOSED: "FAIL"}
FAULTS = (
    "wrong_hash", "torn", "wrong_sum", "cut_row", "cut_end", "new_column", "other_order", "no_column", "gbk",
)  # fmt: skip
HUNDRED_THOUSANDTHS = 100_000


@dataclass(frozen=True, slots=True)
class Spoiling:
    """What the desk wants to be wrong with a day's bills: rows left out, rows made up, values changed, a bad file."""

    omit: frozenset[str] = frozenset()
    add: tuple[Mapping[str, object], ...] = ()
    change: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file that waits to be fetched; `until` is virtual seconds."""

    content: bytes
    until: float


@dataclass(frozen=True, slots=True)
class Side:
    """Who the bill is for, and the books that it is made from."""

    mchid: str
    orders: Sequence[Order]
    refunds: Sequence[Refund]
    rate_millionths: int


def day_of(moment: float) -> str:
    """The day of a moment, in Beijing."""
    return datetime.fromtimestamp(int(moment), BEIJING).strftime("%Y-%m-%d")


def trade_bill(side: Side, day: str, bill_type: str, spoiling: Spoiling) -> bytes | None:
    """The trade bill of a day, or None for a day without rows."""
    rows: list[dict[str, str]] = []
    if bill_type in ("ALL", "SUCCESS"):
        rows += [
            _payment(side, order)
            for order in side.orders
            if order.payment is not None and day_of(order.payment.paid_at) == day
        ]
        rows += [_made_up(side, day, wish) for wish in spoiling.add]
    if bill_type in ("ALL", "REFUND"):
        orders = {order.request.out_trade_no: order for order in side.orders}
        rows += [
            _refund(side, refund, orders[refund.out_trade_no])
            for refund in side.refunds
            if day_of(refund.created_at) == day
        ]
    rows = [_changed(row, spoiling.change) for row in rows if _number(row) not in spoiling.omit]
    if not rows:
        return None
    rows.sort(key=lambda row: row["交易时间"])
    columns = [name for name in TRADE_COLUMNS if bill_type != "SUCCESS" or name not in REFUND_COLUMNS]
    sums = {"总交易单数": str(len(rows))}
    for name, column in TRADE_SUMS.items():
        if column in columns:
            total = sum(_units(row[column]) for row in rows)
            sums[name] = _yuan5(total) if column == "手续费" else decimal(total // 1000)
    return _file(columns, rows, sums, spoiling.file)


def fund_flow(side: Side, day: str, spoiling: Spoiling) -> bytes | None:
    """The fund flow of a day, or None for a day without movements."""
    moves: list[tuple[float, str, str, int, str]] = []
    for order in side.orders:
        if order.payment is None or day_of(order.payment.paid_at) != day:
            continue
        if order.request.out_trade_no in spoiling.omit:
            continue
        wish = spoiling.change.get(order.request.out_trade_no, {})
        amount = _wished(wish, "amount", order.request.total)
        fee = _wished(wish, "fee", fee_of(amount, side.rate_millionths))
        number, at = order.payment.transaction_id, order.payment.paid_at
        moves.append((at, number, "交易", amount, order.request.out_trade_no))
        if fee:
            moves.append((at, number, "扣除交易手续费", -fee, order.request.out_trade_no))
    moves += [
        (refund.succeeded_at, refund.refund_id, "退款", -refund.request.refund, refund.request.out_refund_no)
        for refund in side.refunds
        if refund.succeeded_at is not None and day_of(refund.succeeded_at) == day
    ]
    if not moves:
        return None
    return _funds_file(sorted(moves), spoiling.file)


def _funds_file(moves: Sequence[tuple[float, str, str, int, str]], fault: str | None) -> bytes:
    rows, balance = [], 0
    for serial, (at, number, name, amount, voucher) in enumerate(moves):
        balance += amount
        values = (
            moment_text(at), number, f"{number}{serial:06d}", name, name, "收入" if amount >= 0 else "支出",
            decimal(abs(amount)), decimal(balance), "system", "", voucher,
        )  # fmt: skip
        rows.append(dict(zip(FUNDS_COLUMNS, values, strict=True)))
    incoming = [amount for _, _, _, amount, _ in moves if amount >= 0]
    outgoing = [-amount for _, _, _, amount, _ in moves if amount < 0]
    sums = {
        "资金流水总笔数": str(len(moves)),
        "收入笔数": str(len(incoming)),
        "收入金额": decimal(sum(incoming)),
        "支出笔数": str(len(outgoing)),
        "支出金额": decimal(sum(outgoing)),
    }
    return _file(FUNDS_COLUMNS, rows, sums, fault)


def _payment(side: Side, order: Order) -> dict[str, str]:
    assert order.payment is not None
    total, request = order.request.total, order.request
    return _row(
        {
            "交易时间": moment_text(order.payment.paid_at),
            **_parties(side, order),
            "微信订单号": order.payment.transaction_id,
            "商户订单号": request.out_trade_no,
            "用户标识": order.payment.openid,
            "交易类型": request.trade_type,
            "交易状态": "SUCCESS",
            "付款银行": order.payment.bank_type,
            "应结订单金额": decimal(total),
            "商品名称": request.description,
            "手续费": _yuan5(fee_of(total, side.rate_millionths) * 1000),
            "费率": rate_text(side.rate_millionths),
            "订单金额": decimal(total),
        }
    )


def _refund(side: Side, refund: Refund, order: Order) -> dict[str, str]:
    assert order.payment is not None
    amount = refund.request.refund
    returned = fee_of(amount, side.rate_millionths) if refund.status != CLOSED else 0
    return _row(
        {
            "交易时间": moment_text(refund.created_at),
            **_parties(side, order),
            "微信订单号": refund.transaction_id,
            "商户订单号": refund.out_trade_no,
            "用户标识": order.payment.openid,
            "交易类型": order.request.trade_type,
            "交易状态": "REFUND",
            "付款银行": order.payment.bank_type,
            "微信退款单号": refund.refund_id,
            "商户退款单号": refund.request.out_refund_no,
            "退款金额": decimal(amount),
            "退款类型": refund.channel,
            "退款状态": REFUND_WORDS[refund.status],
            "商品名称": order.request.description,
            "手续费": _yuan5(-returned * 1000),
            "费率": rate_text(side.rate_millionths),
            "申请退款金额": decimal(amount),
        }
    )


def _parties(side: Side, order: Order) -> dict[str, str]:
    """The service provider's number and app come first, the sub-merchant's number beside; 0 where there is none."""
    request = order.request
    sub_mchid = request.mchid if request.sp_mchid is not None else "0"
    return {"公众账号ID": request.sp_appid or request.appid, "商户号": side.mchid, "特约商户号": sub_mchid}


def _made_up(side: Side, day: str, wish: Mapping[str, object]) -> dict[str, str]:
    number, amount = str(wish["out_trade_no"]), int(str(wish["amount"]))
    return _row(
        {
            "交易时间": f"{day} 12:00:00",
            "公众账号ID": "wx0000000000000000",
            "商户号": side.mchid,
            "微信订单号": f"42000099{abs(hash_of(number)) % 10**20:020d}",
            "商户订单号": number,
            "交易类型": "JSAPI",
            "交易状态": "SUCCESS",
            "付款银行": "OTHERS",
            "应结订单金额": decimal(amount),
            "商品名称": "做出来的, 一行",
            "手续费": _yuan5(fee_of(amount, side.rate_millionths) * 1000),
            "费率": rate_text(side.rate_millionths),
            "订单金额": decimal(amount),
        }
    )


def hash_of(text: str) -> int:
    """A number that is always the same for a text."""
    return int.from_bytes(text.encode().ljust(8, b"\0")[-8:], "big")


def _row(known: Mapping[str, str]) -> dict[str, str]:
    zero = "0.00"
    row = dict.fromkeys(TRADE_COLUMNS, "")
    row |= {"特约商户号": "0", "货币种类": "CNY", "微信退款单号": "0", "商户退款单号": "0"}
    row |= dict.fromkeys(("应结订单金额", "代金券金额", "退款金额", "充值券退款金额", "订单金额", "申请退款金额"), zero)
    return {**row, **known}


def _changed(row: dict[str, str], changes: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    wish = changes.get(_number(row))
    if wish is None:
        return row
    changed, is_refund = dict(row), row["交易状态"] == "REFUND"
    if "amount" in wish:
        amount = decimal(_wished(wish, "amount", 0))
        names = ("退款金额", "申请退款金额") if is_refund else ("应结订单金额", "订单金额")
        changed |= dict.fromkeys(names, amount)
    if "fee" in wish:
        changed["手续费"] = _yuan5(_wished(wish, "fee", 0) * 1000)
    if "status" in wish:
        changed["退款状态" if is_refund else "交易状态"] = str(wish["status"])
    return changed


def _number(row: Mapping[str, str]) -> str:
    return row["商户退款单号"] if row["交易状态"] == "REFUND" else row["商户订单号"]


def _wished(wish: Mapping[str, object], name: str, default: int) -> int:
    value = wish.get(name, default)
    return value if isinstance(value, int) else default


def _file(columns: Sequence[str], rows: Sequence[Mapping[str, str]], sums: dict[str, str], fault: str | None) -> bytes:
    names = list(columns)
    if fault == "other_order":
        names.reverse()
    if fault == "no_column":
        names = names[1:] if names[0] == FUNDS_COLUMNS[1] else [name for name in names if name != names[6]]
    lines = [",".join(names + (["新的一列"] if fault == "new_column" else []))]
    for row in rows:
        values = [row[name] for name in names] + (["x"] if fault == "new_column" else [])
        lines.append(_ticked(values))
    if fault == "cut_row":
        lines[1] = lines[1].rsplit(",`", 2)[0]
    if fault == "wrong_sum":
        sums = {name: (value if "笔数" in name or "单数" in name else "0.01") for name, value in sums.items()}
    if fault != "cut_end":
        lines += [",".join(sums), _ticked(sums.values())]
    text = "\r\n".join(lines) + "\r\n"
    return text.encode("gbk", "replace") if fault == "gbk" else (MARK + text).encode()


def _ticked(values: Iterable[str]) -> str:
    return ",".join(f"`{value}" for value in values)


def fee_of(amount: int, rate_millionths: int) -> int:
    """Fen, rounded half up."""
    return (amount * rate_millionths + 500_000) // 1_000_000


def moment_text(at: float) -> str:
    """A moment as bills write it, in Beijing."""
    return datetime.fromtimestamp(int(at), BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def decimal(fen: int) -> str:
    """An amount in yuan, or in whole units of another currency that has two decimals."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _yuan5(units: int) -> str:
    sign = "-" if units < 0 else ""
    return f"{sign}{abs(units) // HUNDRED_THOUSANDTHS}.{abs(units) % HUNDRED_THOUSANDTHS:05d}"


def _units(yuan: str) -> int:
    """Hundred-thousandths of a yuan."""
    whole, _, fraction = (yuan or "0").lstrip("-").partition(".")
    units = int(whole) * HUNDRED_THOUSANDTHS + int(fraction.ljust(5, "0") or 0)
    return -units if yuan.startswith("-") else units


def rate_text(millionths: int) -> str:
    """A rate in per cent."""
    return f"{millionths // 10_000}.{millionths % 10_000 // 100:02d}%"

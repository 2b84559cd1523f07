"""A bill on paper: the file of a day as WeChat writes it, with differences at known places, and our rows beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import create_engine, insert

from tests.support.objects import ACCOUNT, APP, MERCHANT, NOW_MS, PAYER
from wxbackend.flows.bill_days import bounds_ms, day_of
from wxbackend.store import tables

DAY: Final = day_of(NOW_MS).isoformat()
RATE_MILLIONTHS: Final = 6_000
COLUMNS: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
SUMS: Final = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
PAYMENT_PLANTS: Final = ("missing_here", "missing_there", "amount", "status", "mended", "fee", "reversed")
REFUND_PLANTS: Final = ("missing_here", "missing_there", "amount", "status")
REFUND_EVERY: Final = 20
INSERTED_AT_ONCE: Final = 5_000


@dataclass(slots=True)
class Paper:
    """What was written, and what a look must find: numbers of the provider by the kind of difference."""

    path: Path
    rows: int = 0
    fee: int = 0
    planted: dict[str, set[str]] = field(default_factory=dict)
    mended: set[str] = field(default_factory=set)
    truths: dict[str, int] = field(default_factory=dict)
    """What a query says of orders that we know as open: the amounts that were paid."""
    open_orders: dict[str, int] = field(default_factory=dict)
    """All orders that are asked about, or whose refund is, with their amounts."""

    def plant(self, kind: str, number: str) -> None:
        """There is a difference here."""
        self.planted.setdefault(kind, set()).add(number)


def write_day(path: Path, url: str, *, payments: int, plants: int) -> Paper:
    """A day of so many payments, each twentieth with a refund; `plants` of each kind of difference."""
    paper, from_ms = Paper(path), bounds_ms(DAY)[0]
    wanted = {number: kind for place, kind in enumerate(PAYMENT_PLANTS) for number in _places(payments, plants, place)}
    refunds = payments // REFUND_EVERY
    of_refunds = {
        number: kind for place, kind in enumerate(REFUND_PLANTS) for number in _places(refunds, plants, place)
    }
    sums = dict.fromkeys(("settled", "refunded", "fee"), 0)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with path.open("w", encoding="utf-8-sig", newline="") as file, engine.begin() as database:
        file.write(f"{COLUMNS}\r\n")
        ours: list[dict[str, Any]] = []
        for number in range(payments):
            _payment(paper, file, ours, number, plant=wanted.get(number, ""), from_ms=from_ms, sums=sums)
            if len(ours) >= INSERTED_AT_ONCE or number == payments - 1:
                _insert(database, tables.attempts, ours)
        for number in range(refunds):
            _refund(paper, file, ours, number, plant=of_refunds.get(number, ""), from_ms=from_ms, sums=sums)
        _insert(database, tables.refunds, ours)
        settled, refunded = _yuan(sums["settled"]), _yuan(sums["refunded"])
        values = (str(paper.rows), settled, refunded, "0.00", _yuan5(sums["fee"]), settled, refunded)
        file.write(f"{SUMS}\r\n{_row(values)}")
    engine.dispose()
    return paper


def _places(total: int, plants: int, place: int) -> list[int]:
    """Where plants of one kind stand, spread over the day; no two kinds at the same place."""
    step = total // plants
    assert step > place, "too many plants for so few rows"
    return [at * step + place for at in range(plants)]


def _payment(
    paper: Paper, file: Any, ours: list[dict[str, Any]], number: int, *, plant: str, from_ms: int, sums: dict[str, int]
) -> None:
    amount = 100 + number * 37 % 50_000
    order, transaction = f"{10**18 + number}", f"4200002026{number:018d}"
    paid_ms = from_ms + number * 86_000_000 // 1_000_000 * 1_000 % 86_000_000
    shown = amount + 1 if plant == "amount" else amount
    fee = (shown * RATE_MILLIONTHS + 500_000) // 1_000_000 + (7 if plant == "fee" else 0)
    known = plant not in ("status", "mended")
    if plant != "missing_here":
        state = "paid" if known else "open"
        ours.append(_attempt(number, order, transaction if known else None, amount, paid_ms, state=state))
    if not known:
        paper.open_orders[order] = amount
    if plant == "mended":
        paper.truths[order] = amount
        paper.mended.add(transaction)
    elif plant:
        paper.plant({"reversed": "status"}.get(plant, plant), transaction)
    if plant == "missing_there":
        return
    word = "REVOKED" if plant == "reversed" else "SUCCESS"
    money = _yuan(shown)
    values = (
        "2026-11-21 10:33:45", APP, MERCHANT, "0", "", transaction, order, PAYER, "JSAPI", word, "OTHERS", "CNY",
        money, "0.00", "0", "0", "0.00", "0.00", "", "", "茶叶, 一百克", "", _yuan5(fee), "0.60%", money, "0.00", "",
    )  # fmt: skip
    file.write(_row(values))
    paper.rows += 1
    sums["settled"] += shown
    sums["fee"] += fee
    if plant in ("", "fee", "mended"):
        paper.fee += fee


def _refund(
    paper: Paper, file: Any, ours: list[dict[str, Any]], number: int, *, plant: str, from_ms: int, sums: dict[str, int]
) -> None:
    amount = 10 + number % 90
    refund_no, handle = f"{2 * 10**18 + number}", f"5030{number:020d}"
    at_ms = from_ms + number * 1_000 % 80_000_000
    if plant != "missing_here":
        state = "closed" if plant == "status" else "succeeded"
        ours.append(_our_refund(number, refund_no, handle, amount, at_ms, state=state))
    if plant:
        paper.plant(plant, handle)
    if plant == "status":
        paper.open_orders.setdefault(f"{10**18 + number}", amount)
    if plant == "missing_there":
        return
    shown = amount + 1 if plant == "amount" else amount
    money = _yuan(shown)
    values = (
        "2026-11-21 10:33:45", APP, MERCHANT, "0", "", f"4200002026{number:018d}", f"{10**18 + number}", PAYER,
        "JSAPI", "REFUND", "OTHERS", "CNY", "0.00", "0.00", handle, refund_no, money, "0.00", "ORIGINAL", "SUCCESS",
        "茶叶, 一百克", "", "0.00000", "0.60%", "0.00", money, "",
    )  # fmt: skip
    file.write(_row(values))
    paper.rows += 1
    sums["refunded"] += shown


def _attempt(
    number: int, order: str, transaction: str | None, amount: int, paid_ms: int, *, state: str
) -> dict[str, Any]:
    return {
        "id": 10**12 + number, "intent_id": 2 * 10**12 + number, "account": ACCOUNT, "livemode": False,
        "provider": "wechat_v3", "merchant": MERCHANT, "app": APP, "terminal": "official_account",
        "out_trade_no": order, "payer": PAYER, "amount": amount, "currency": "CNY", "description": "Tea",
        "created_ms": paid_ms, "sent_ms": paid_ms, "expires_ms": paid_ms + 7_200_000, "state": state,
        "transaction_id": transaction, "paid_ms": paid_ms if transaction else None, "version": 0,
    }  # fmt: skip


def _our_refund(number: int, refund_no: str, handle: str, amount: int, at_ms: int, *, state: str) -> dict[str, Any]:
    return {
        "id": 3 * 10**12 + number, "intent_id": 2 * 10**12 + number, "attempt_id": 10**12 + number,
        "account": ACCOUNT, "livemode": False, "provider": "wechat_v3", "merchant": MERCHANT,
        "transaction_id": f"4200002026{number:018d}", "out_refund_no": refund_no, "amount": amount, "total": 100_000,
        "currency": "CNY", "origin": "merchant", "state": state, "handle": handle, "created_ms": at_ms,
        "sent_ms": at_ms, "succeeded_ms": at_ms if state == "succeeded" else None, "version": 0,
    }  # fmt: skip


def _insert(database: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        database.execute(insert(table), rows)
        rows.clear()


def _row(values: tuple[str, ...]) -> str:
    return ",".join(f"`{value}" for value in values) + "\r\n"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _yuan5(fen: int) -> str:
    return f"{_yuan(fen)}000"

"""A bill is read exactly or not at all: amounts without floats, columns by name, sums held against the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any, Final

import pytest

from wxbackend.domain.bill import BillRow, FundsRow, Movement, Told
from wxbackend.domain.errors import UnreadableBill
from wxbackend.providers import wechat_bills

COLUMNS: Final = (
    "交易时间", "微信订单号", "商户订单号", "交易状态", "货币种类", "应结订单金额", "微信退款单号", "商户退款单号",
    "退款金额", "退款状态", "商品名称", "手续费", "费率", "订单金额", "申请退款金额", "费率备注",
)  # fmt: skip
SUMS: Final = ("总交易单数", "应结订单总金额", "退款总金额", "手续费总金额", "订单总金额", "申请退款总金额")
PAID: Final = {
    "交易时间": "2026-11-21 10:00:00", "微信订单号": "4200", "商户订单号": "o1", "交易状态": "SUCCESS",
    "货币种类": "CNY", "应结订单金额": "19.00", "微信退款单号": "0", "商户退款单号": "0", "退款金额": "0.00",
    "退款状态": "", "商品名称": "茶叶, 一百克", "手续费": "0.12000", "费率": "0.60%", "订单金额": "20.00",
    "申请退款金额": "0.00", "费率备注": "",
}  # fmt: skip
REFUNDED: Final = PAID | {
    "交易状态": "REFUND", "应结订单金额": "0.00", "微信退款单号": "5030", "商户退款单号": "r1", "退款金额": "3.01",
    "退款状态": "SUCCESS", "手续费": "-0.02000", "订单金额": "0.00", "申请退款金额": "3.01",
}  # fmt: skip


def bill(
    rows: Sequence[dict[str, str]],
    *,
    columns: Sequence[str] = COLUMNS,
    sums: dict[str, str] | None = None,
    end: str = "\r\n",
) -> bytes:
    """A bill of these rows, with right sums unless others are named."""
    told = {
        "总交易单数": str(len(rows)),
        "应结订单总金额": yuan(rows, "应结订单金额"),
        "退款总金额": yuan(rows, "退款金额"),
        "手续费总金额": yuan(rows, "手续费"),
        "订单总金额": yuan(rows, "订单金额"),
        "申请退款总金额": yuan(rows, "申请退款金额"),
    } | (sums or {})
    lines = [",".join(columns), *(",".join(f"`{row.get(name, '')}" for name in columns) for row in rows)]
    lines += [",".join(told), ",".join(f"`{value}" for value in told.values())]
    return ("\ufeff" + end.join(lines) + end).encode()


def yuan(rows: Sequence[dict[str, str]], name: str) -> str:
    """The sum of a column, exactly."""
    spelled = [row[name] for row in rows if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", row[name])]
    return str(sum(map(Decimal, spelled), Decimal()))


def read(content: bytes) -> list[BillRow]:
    """All rows."""
    return [row for rows in wechat_bills.read_payments(BytesIO(content)) for row in rows]


def test_a_payment_and_a_refund_are_read_to_the_fen() -> None:
    paid, refunded = read(bill([PAID, REFUNDED]))
    assert paid == BillRow(Told.PAID, "o1", "4200", "0", "0", 2000, 0, 12_000, 1900, 6_000, "CNY")
    assert (refunded.told, refunded.number, refunded.provider_number) == (Told.REFUNDED, "r1", "5030")
    assert (refunded.amount, refunded.fee_units) == (301, -2_000)


@pytest.mark.parametrize(
    ("spelled", "fen"),
    [("0.01", 1), ("0.1", 10), ("20", 2000), ("0", 0), ("123456789.99", 12_345_678_999), ("-1.50", -150), ("", 0),
     ("20.00000", 2000), ("0.29", 29), ("1.15", 115), ("8.70", 870)],
)  # fmt: skip
def test_an_amount_is_whole_fen_however_it_is_spelled(spelled: str, fen: int) -> None:
    (row,) = read(bill([PAID | {"订单金额": spelled}]))
    assert row.ordered == fen


@pytest.mark.parametrize(
    "spelled", ["1e3", "1,000.00", "0.001", "NaN", "\uff11.00", "1.2.3", "0x10", "1_000", "+1.00", "."]
)
def test_what_is_no_amount_of_fen_is_refused(spelled: str) -> None:
    with pytest.raises(UnreadableBill, match=r"amount|fen"):
        read(bill([PAID | {"订单金额": spelled}], sums={"订单总金额": "0.00"}))


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_lines_end_as_they_like_and_columns_stand_in_any_order(end: str) -> None:
    expected = read(bill([PAID, REFUNDED]))
    assert read(bill([PAID, REFUNDED], columns=COLUMNS[::-1], end=end)) == expected
    assert read(bill([PAID, REFUNDED], columns=(*COLUMNS[:4], "新的一列", *COLUMNS[4:]), end=end)) == expected


def test_rows_are_the_same_wherever_the_reading_cuts_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bill([PAID | {"商户订单号": f"o{number}"} for number in range(40)])
    expected = read(content)
    for size in (1, 2, 3, 7, 61, 250, 1000):
        monkeypatch.setattr(wechat_bills, "CHUNK_BYTES", size)
        assert read(content) == expected, size
    assert [row.number for row in expected] == [f"o{number}" for number in range(40)]


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_that_is_not_that_of_the_rows_is_refused(name: str) -> None:
    with pytest.raises(UnreadableBill, match=name):
        read(bill([PAID, REFUNDED], sums={name: "7"}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no column"),
        (bill([PAID, PAID]).decode().encode("gbk", "replace"), "GBK"),
        (bill([PAID])[:-60], "cut off"),
        (bill([PAID]).rsplit("总交易单数".encode(), 1)[0], "cut off"),
        (bill([PAID]).replace(b"`4200,", b""), "15 values for 16 columns"),
        (bill([PAID], columns=COLUMNS[:11] + COLUMNS[12:]), "no column 手续费"),
        (bill([PAID], columns=(*COLUMNS, "手续费")), "same name"),
        (bill([PAID | {"商户订单号": "订单"}]), "not a number or a code"),
        (bill([PAID]) + b"more\r\n", "cut off"),
        (bill([PAID]) + b"x" * 200_000, "follows"),
        ("\ufeff".encode() + b"<xml></xml>", "no column"),
    ],
)
def test_a_bad_bill_is_refused_with_what_is_wrong(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableBill, match=words):
        read(content)


def test_a_bill_without_rows_and_one_of_sales_alone_are_read() -> None:
    assert read(bill([])) == []
    sales = tuple(name for name in COLUMNS if "退款" not in name)
    sums = {"退款总金额": "0.00", "申请退款总金额": "0.00"}
    (row,) = read(bill([PAID], columns=sales, sums=sums))
    assert (row.ordered, row.out_refund_no, row.refunded) == (2000, "", 0)


def test_a_rate_with_a_remark_is_not_held_against_the_fee() -> None:
    plain, remarked = read(bill([PAID, PAID | {"费率备注": "优惠费率"}]))
    assert (plain.rate_millionths, remarked.rate_millionths) == (6_000, -1)


def funds(rows: Sequence[tuple[str, str, str]], **sums: str) -> bytes:
    """A fund flow of (type, direction, amount)."""
    names = (
        "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
        "资金变更提交申请人,备注,业务凭证号"
    )
    lines = [names]
    for kind, way, amount in rows:
        lines.append(f"`2026-11-21 10:00:00 ,`4200 ,`1 ,`{kind} ,`{kind} ,`{way} ,`{amount} ,`0.00 ,`system ,`, ,`r ")
    told = {
        "资金流水总笔数": str(len(rows)),
        "收入笔数": "1",
        "收入金额": "20.00",
        "支出笔数": "1",
        "支出金额": "0.12",
    } | sums
    lines += [",".join(told), ",".join(f"`{value}" for value in told.values())]
    return ("\ufeff" + "\n".join(lines) + "\n").encode()


MOVED: Final[list[tuple[str, str, str]]] = [("交易", "收入", "20.00"), ("扣除交易手续费", "支出", "0.12")]


def test_a_fund_flow_is_read_with_its_directions() -> None:
    rows: list[Any] = [row for rows in wechat_bills.read_funds(BytesIO(funds(MOVED))) for row in rows]
    assert rows == [FundsRow(Movement.PAYMENT, "4200", 2000), FundsRow(Movement.FEE, "4200", -12)]


@pytest.mark.parametrize("name", ["资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额"])
def test_a_fund_flow_whose_sums_do_not_fit_is_refused(name: str) -> None:
    with pytest.raises(UnreadableBill, match=name):
        list(wechat_bills.read_funds(BytesIO(funds(MOVED, **{name: "9"}))))

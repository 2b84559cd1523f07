"""Writes a bill, or reads it in one of two ways; prints seconds of the processor and the most KiB that were held."""

from __future__ import annotations

import csv
import resource
import sys
import time
from pathlib import Path
from typing import Final

from wxbackend.providers.wechat_bills import read_payments

COLUMNS: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
SUMS: Final = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
PRICES: Final = 5_000
REFUND_EVERY: Final = 25


def write(path: Path, rows: int) -> None:
    """A day of a shop with some thousand prices, each twenty-fifth row a refund."""
    settled = refunded = fees = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write(f"{COLUMNS}\r\n")
        for number in range(rows):
            amount = 100 + number * 7919 % PRICES * 13
            is_refund = number % REFUND_EVERY == 0
            fee = 0 if is_refund else (amount * 6 + 500) // 1000
            money, none = _yuan(amount), "0.00"
            paid, back = (none, money) if is_refund else (money, none)
            handles = (f"5030{number:020d}", f"{2 * 10**18 + number}") if is_refund else ("0", "0")
            file.write(
                f"`2026-11-21 10:33:45,`wx2421b1c4370ec43b,`1900000109,`0,`,`4200002026{number:018d},"
                f"`{10**18 + number},"
                f"`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,`JSAPI,`{'REFUND' if is_refund else 'SUCCESS'},`OTHERS,`CNY,`{paid},"
                f"`0.00,`{handles[0]},`{handles[1]},`{back},`0.00,`{'ORIGINAL' if is_refund else ''},"
                f"`{'SUCCESS' if is_refund else ''},`茶叶, 一百克,`,`{_yuan(fee)}000,`0.60%,`{paid},`{back},`\r\n"
            )
            settled, refunded, fees = settled + amount * (not is_refund), refunded + amount * is_refund, fees + fee
        sums = (
            str(rows),
            _yuan(settled),
            _yuan(refunded),
            "0.00",
            f"{_yuan(fees)}000",
            _yuan(settled),
            _yuan(refunded),
        )
        file.write(f"{SUMS}\r\n" + ",".join(f"`{value}" for value in sums) + "\r\n")


def read_ours(path: Path) -> None:
    """By the product's reader."""
    with path.open("rb") as file:
        for _ in read_payments(file):
            pass


def read_csv(path: Path) -> None:
    """By the csv module."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for _ in csv.reader(file):
            pass


def main() -> None:
    """What the first word says, with the file of the second."""
    what, path = sys.argv[1], Path(sys.argv[2])
    begun = time.process_time()
    match what:
        case "write":
            write(path, int(sys.argv[3]))
        case "ours":
            read_ours(path)
        case _:
            read_csv(path)
    seconds = time.process_time() - begun
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # noqa: T201 - its answer


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


if __name__ == "__main__":
    main()

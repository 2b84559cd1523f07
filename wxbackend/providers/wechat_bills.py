"""Reads WeChat's bills row by row, for every version of its API: exact money, checked against their own summary.

A bill is UTF-8 with a byte order mark: a line of names, rows whose every value begins with a back-tick, then a line
of names and one row of sums (doc/v3/merchant/4012791890, doc/v3/merchant/4012791892). Columns are found by name, so
their order is free and new ones do no harm. Values are taken apart as bytes and by columns, thousands of rows at a
time, which is what makes it about as fast as the csv module reading the same file. Memory does not grow with the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, Final

from wxbackend.domain.bill import FEE_UNITS, OF_PAYMENTS, BillKind, BillRow, FundsRow, Movement, Told
from wxbackend.domain.errors import UnreadableBill

CHUNK_BYTES: Final = 64 * 1024
ROW_BYTES_MAX: Final = 64 * 1024
HEADER_BYTES_MAX: Final = 16 * 1024
SUMMARY_BYTES_MAX: Final = 16 * 1024
AMOUNTS_KEPT_MAX: Final = 50_000
"""More spellings of amounts are forgotten at once."""
MARK: Final = b"\xef\xbb\xbf"
TICK: Final = b"`"
_AMOUNT: Final = re.compile(rb"\s*(-?)(\d{1,15})(?:\.(\d{1,5}))?\s*")
_RATE: Final = re.compile(rb"\s*(\d{1,3})(?:\.(\d{1,4}))?%\s*")

# The columns that are read, each with its names now and in old bills.
_TRADE: Final[Mapping[str, tuple[str, ...]]] = {
    "transaction": ("微信订单号",),
    "out_trade_no": ("商户订单号",),
    "trade_state": ("交易状态",),
    "currency": ("货币种类",),
    "ordered": ("订单金额", "总金额", "应结订单金额"),
    "fee": ("手续费",),
    "settled": ("应结订单金额", "总金额"),
    "rate": ("费率",),
}
_TRADE_REFUNDS: Final[Mapping[str, tuple[str, ...]]] = {
    "refund_id": ("微信退款单号",),
    "out_refund_no": ("商户退款单号",),
    "refunded": ("申请退款金额", "退款金额"),
    "refund_state": ("退款状态",),
}
_FUNDS: Final[Mapping[str, tuple[str, ...]]] = {
    "transaction": ("微信支付业务单号",),
    "name": ("业务名称",),
    "type": ("业务类型",),
    "direction": ("收支类型",),
    "amount": ("收支金额(元)", "收支金额\uff08元\uff09", "收支金额"),
}
# The sums of the last line, and the columns that they are sums of.
_TRADE_SUMS: Final[Mapping[str, tuple[str, ...]]] = {
    "应结订单总金额": ("应结订单金额",),
    "总交易额": ("总金额",),
    "退款总金额": ("退款金额",),
    "总退款金额": ("退款金额",),
    "充值券退款总金额": ("充值券退款金额",),
    "手续费总金额": ("手续费",),
    "订单总金额": ("订单金额",),
    "申请退款总金额": ("申请退款金额",),
}
_TRADE_COUNT: Final = "总交易单数"
TRADE_STATES: Final = {b"SUCCESS": Told.PAID, b"REVOKED": Told.REVERSED}
REFUND_STATES: Final = {
    b"SUCCESS": Told.REFUNDED,
    b"PROCESSING": Told.REFUNDING,
    b"CHANGE": Told.REFUND_ABNORMAL,
    b"ABNORMAL": Told.REFUND_ABNORMAL,
    b"FAIL": Told.REFUND_FAILED,
    b"CLOSED": Told.REFUND_FAILED,
    b"REFUNDCLOSE": Told.REFUND_FAILED,
}
_MOVEMENTS: Final = (("手续费", Movement.FEE), ("退款", Movement.REFUND), ("交易", Movement.PAYMENT))
_IN, _OUT = "收入".encode(), "支出".encode()
_SPACE: Final = b" \t"

Columns = Sequence[Sequence[bytes]]


class _Units(dict[bytes, int]):
    """Thousandths of a fen by their spelling in yuan; each spelling is read once."""

    def __missing__(self, spelled: bytes) -> int:
        found = _AMOUNT.fullmatch(spelled) if spelled.strip(_SPACE) else None
        if found is None:
            if spelled.strip(_SPACE):
                raise UnreadableBill(f"{_shown(spelled)} is not an amount in yuan")
            units = 0
        else:
            sign, whole, fraction = found.groups(b"")
            units = int(whole + fraction.ljust(5, b"0")) * (-1 if sign else 1)
        if len(self) >= AMOUNTS_KEPT_MAX:
            self.clear()
        self[spelled] = units
        return units


class _Fen(dict[bytes, int]):
    """Fen by their spelling in yuan; each spelling is read once."""

    def __init__(self, units: _Units) -> None:
        super().__init__()
        self._units = units

    def __missing__(self, spelled: bytes) -> int:
        digits = spelled[:-3] + spelled[-2:]
        if spelled[-3:-2] == b"." and digits.isdigit() and len(digits) <= 17:
            fen = int(digits)
        else:
            fen, rest = divmod(self._units[spelled], FEE_UNITS)
            if rest:
                raise UnreadableBill(f"{_shown(spelled)} is not a whole number of fen")
        if len(self) >= AMOUNTS_KEPT_MAX:
            self.clear()
        self[spelled] = fen
        return fen


class _Told(dict[tuple[bytes, bytes], Told]):
    """What a row tells, by its two states."""

    def __missing__(self, states: tuple[bytes, bytes]) -> Told:
        trade, refund = states
        if trade == b"REFUND" or (trade == b"REVOKED" and refund in REFUND_STATES):
            told = REFUND_STATES.get(refund, Told.REFUND_UNKNOWN)
        else:
            told = TRADE_STATES.get(trade, Told.UNKNOWN)
        if len(self) < AMOUNTS_KEPT_MAX:
            self[states] = told
        return told


class _Rates(dict[bytes, int]):
    """Millionths by their spelling in per cent; -1 for anything else."""

    def __missing__(self, spelled: bytes) -> int:
        found = _RATE.fullmatch(spelled)
        rate = -1 if found is None else int(found[1] + (found[2] or b"").ljust(4, b"0"))
        if len(self) < AMOUNTS_KEPT_MAX:
            self[spelled] = rate
        return rate


class _Totals:
    """The sums of the columns that the last line has sums of; a column's numbers are read once for all users."""

    def __init__(
        self, names: Sequence[bytes], sums: Mapping[str, tuple[str, ...]], *, fees: frozenset[str] = frozenset()
    ) -> None:
        units = _Units()
        self._units, self._fen = units.__getitem__, _Fen(units).__getitem__
        self._exact = {place for place, name in enumerate(names) if name.decode() in fees}
        by_name = {name.decode(): place for place, name in enumerate(names)}
        self._places = {
            word: place
            for word, columns in sums.items()
            for place in [next((by_name[name] for name in columns if name in by_name), None)]
            if place is not None
        }
        self._sums = dict.fromkeys(self._places.values(), 0)
        self._read: dict[int, list[int]] = {}
        self.rows = 0
        self.told: dict[str, bytes] = {}

    def add(self, columns: Columns) -> None:
        """Add a block of rows."""
        self._read = {}
        self.rows += len(columns[0])
        for place in self._sums:
            self._sums[place] += sum(self.numbers(columns, place))

    def numbers(self, columns: Columns, place: int) -> list[int]:
        """A column of the block as fen, or thousandths of a fen where it is a fee."""
        found = self._read.get(place)
        if found is None:
            spelled = columns[place]
            number = self._units if place in self._exact else self._fen
            if spelled.count(spelled[0]) == len(spelled):
                found = [number(spelled[0])] * len(spelled)
            else:
                found = list(map(number, spelled))
            self._read[place] = found
        return found

    def check(self, count: str, counts: Sequence[int]) -> None:
        """Hold what was added against the last line. Raises `UnreadableBill`."""
        self.equal(count, counts)
        for word, place in self._places.items():
            if word in self.told:
                number = self._units if place in self._exact else self._fen
                if number(self.told[word]) != self._sums[place]:
                    raise UnreadableBill(f"its {word} is not the sum of its rows; fetch it again")

    def equal(self, word: str, counts: Sequence[int]) -> None:
        """Hold a number of rows against the last line. Raises `UnreadableBill`."""
        if word not in self.told:
            raise UnreadableBill(f"its last line has no {word}; is it cut off?")
        said = self.told[word].strip(_SPACE)
        if not said.isdigit() or len(said) > 15 or int(said) not in counts:
            raise UnreadableBill(f"it says {word} {_shown(said)} and has {self.rows} rows; fetch it again")


def read_payments(file: BinaryIO) -> Iterator[list[BillRow]]:
    """The rows of a trade bill in lists. Raises `UnreadableBill`, at its end if its own sums are not those of its rows.

    So nothing may be done with any row before all of them came.
    """
    names = _names(file)
    places = _places(names, _TRADE)
    has_refunds = "商户退款单号".encode() in names
    refunds = _places(names, _TRADE_REFUNDS) if has_refunds else {}
    totals, told, rates = _Totals(names, _TRADE_SUMS, fees=frozenset(_TRADE["fee"])), _Told(), _Rates()
    remark = names.index("费率备注".encode()) if "费率备注".encode() in names else None
    make: Callable[[Any], BillRow] = partial(tuple.__new__, BillRow)
    payments = 0
    for columns in _blocks(file, len(names), totals.told):
        totals.add(columns)
        rows = len(columns[0])
        states = columns[refunds["refund_state"]] if has_refunds else (b"",) * rows
        stories = list(map(told.__getitem__, zip(columns[places["trade_state"]], states, strict=True)))
        payments += sum(map(stories.count, OF_PAYMENTS))
        yield list(
            map(
                make,
                zip(
                    stories,
                    _texts(columns[places["out_trade_no"]]),
                    _texts(columns[places["transaction"]]),
                    _texts(columns[refunds["out_refund_no"]]) if has_refunds else [""] * rows,
                    _texts(columns[refunds["refund_id"]]) if has_refunds else [""] * rows,
                    totals.numbers(columns, places["ordered"]),
                    totals.numbers(columns, refunds["refunded"]) if has_refunds else [0] * rows,
                    totals.numbers(columns, places["fee"]),
                    totals.numbers(columns, places["settled"]),
                    _rates_of(columns, places["rate"], remark, rates),
                    *2 * (_texts(columns[places["currency"]]),),
                    strict=True,
                ),
            )
        )
    totals.check(_TRADE_COUNT, (totals.rows, payments))


def read_funds(file: BinaryIO) -> Iterator[list[FundsRow]]:
    """The rows of a fund-flow bill in lists. Raises `UnreadableBill`, as `read_payments` does."""
    names = _names(file)
    places = _places(names, _FUNDS)
    totals = _Totals(names, {})
    counts, sums = {_IN: 0, _OUT: 0}, {_IN: 0, _OUT: 0}
    for columns in _blocks(file, len(names), totals.told):
        totals.add(columns)
        amounts = totals.numbers(columns, places["amount"])
        rows: list[FundsRow] = []
        for transaction, name, kind, direction, amount in zip(
            columns[places["transaction"]],
            columns[places["name"]],
            columns[places["type"]],
            columns[places["direction"]],
            amounts,
            strict=True,
        ):
            way = direction.strip(_SPACE)
            if way not in counts:
                raise UnreadableBill(f"{_shown(way)} is neither income nor expense")
            counts[way] += 1
            sums[way] += amount
            number = _text(transaction.strip(_SPACE))
            rows.append(FundsRow(_movement(name, kind), number, amount if way == _IN else -amount))
        yield rows
    totals.equal("资金流水总笔数", (totals.rows,))
    fen = _Fen(_Units())
    for way, number, sum_of in ((_IN, "收入笔数", "收入金额"), (_OUT, "支出笔数", "支出金额")):
        totals.equal(number, (counts[way],))
        if fen[totals.told.get(sum_of, b"")] != sums[way]:
            raise UnreadableBill(f"its {sum_of} is not the sum of its rows; fetch it again")


READERS: Final[Mapping[BillKind, Callable[[BinaryIO], Iterator[Any]]]] = {
    BillKind.PAYMENTS: read_payments,
    BillKind.FUNDS: read_funds,
}


def _rates_of(columns: Columns, place: int, remark: int | None, rates: _Rates) -> list[int]:
    """The rates of a block; a remark beside one says that the fee was reckoned otherwise."""
    column = columns[place]
    same = column.count(column[0]) == len(column)
    found = [rates[column[0]]] * len(column) if same else list(map(rates.__getitem__, column))
    if remark is None or not any(columns[remark]):
        return found
    return [-1 if said else rate for rate, said in zip(found, columns[remark], strict=True)]


def _movement(name: bytes, kind: bytes) -> Movement:
    """What a movement is for, by the words of its two columns: a fee's name may hold the word for its payment."""
    words = _lenient(kind) + _lenient(name)
    return next((movement for word, movement in _MOVEMENTS if word in words), Movement.OTHER)


def _names(file: BinaryIO) -> list[bytes]:
    """The names of the columns, from the first line."""
    line = file.readline(HEADER_BYTES_MAX)
    try:
        names = line.removeprefix(MARK).decode("utf-8").strip().split(",")
    except UnicodeDecodeError:
        raise UnreadableBill("its first line is not UTF-8; bills are never in GBK") from None
    found = [name.strip("` \t").encode() for name in names]
    if len(set(found)) != len(found):
        raise UnreadableBill("two of its columns have the same name")
    return found


def _places(names: Sequence[bytes], wanted: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Where the columns are. Raises `UnreadableBill` that names the one that is missing."""
    found: dict[str, int] = {}
    for ours, theirs in wanted.items():
        place = next((names.index(name.encode()) for name in theirs if name.encode() in names), None)
        if place is None:
            raise UnreadableBill(f"it has no column {theirs[0]}; is this another kind of bill?")
        found[ours] = place
    return found


def _blocks(file: BinaryIO, width: int, told: dict[str, bytes]) -> Iterator[Columns]:
    """The rows by columns, some hundred at a time; the last line's values go to `told` by their names."""
    rest, row, between = b"", 1, b""
    while chunk := file.read(CHUNK_BYTES):
        data = rest + chunk
        if not between:
            between = _between_rows(data)
        cut = data.rfind(between) if between else -1
        if cut < 0 and len(data) > ROW_BYTES_MAX:
            raise UnreadableBill(f"its row {row} has no end")
        block, rest = data[: max(cut, 0)], data[cut + len(between) - 1 :] if cut >= 0 else data
        if not block:
            continue
        rows = block[1:].split(between)
        if block[:1] != TICK or len(rows) - 1 != block.count(b"\n"):
            rest = data  # the rows end somewhere in it
            break
        yield _columns(rows, width, row)
        row += len(rows)
    rest = rest + file.read(SUMMARY_BYTES_MAX)
    if file.read(1):
        raise UnreadableBill(f"something that is no row follows its row {row - 1}")
    lines = rest.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    end = next((place for place, line in enumerate(lines) if line[:1] != TICK), len(lines))
    if end:
        yield _columns([line[1:] for line in lines[:end]], width, row)
    told |= _summary(lines[end:])


def _between_rows(data: bytes) -> bytes:
    """What stands between two rows, as the first line that ends has it; nothing while none has ended."""
    end = data.find(b"\n`")
    return b"" if end < 0 else b"\r\n`" if data[end - 1 : end] == b"\r" else b"\n`"


def _summary(lines: Sequence[bytes]) -> dict[str, bytes]:
    if len(lines) != 2:
        raise UnreadableBill("it does not end with its sums; it is cut off, or one of its rows is")
    names = [_lenient(name).strip("` \t") for name in lines[0].split(b",")]
    values = lines[1].removeprefix(TICK).split(b",`")
    if len(names) != len(values):
        raise UnreadableBill("its last line does not have a value for each of its sums; it is cut off")
    return dict(zip(names, values, strict=True))


def _columns(rows: Sequence[bytes], width: int, first: int) -> Columns:
    values = [row.split(b",`") for row in rows]
    if set(map(len, values)) != {width}:
        place, wrong = next((place, len(row)) for place, row in enumerate(values) if len(row) != width)
        raise UnreadableBill(f"its row {first + place} has {wrong} values for {width} columns; it is cut")
    return list(zip(*values, strict=True))


def _texts(column: Sequence[bytes]) -> list[str]:
    """A column as text. Most of a day's rows have nothing in some columns."""
    if column.count(column[0]) == len(column):
        return [_text(column[0])] * len(column)
    return _text(b"\n".join(column)).split("\n")


def _text(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise UnreadableBill(f"{_shown(value)} is not a number or a code") from None


def _lenient(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _shown(value: bytes) -> str:
    return repr(_lenient(value[:40]))

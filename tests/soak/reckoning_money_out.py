"""The laws of money that went out: transfers to people, sharings and returns, there and here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import orjson

from tests.soak.books import Books, Row
from tests.soak.difference import DIFFERS, DOUBLED, LOST, Difference

TRANSFER_WORDS: Final = {"paid": "SUCCESS", "failed": "FAIL", "canceled": "CANCELLED"}
RETURN_WORDS: Final = {"succeeded": "SUCCESS", "failed": "FAILED"}
PART_WORDS: Final = {"succeeded": "SUCCESS", "closed": "CLOSED"}
KINDS: Final = {"merchant_transfers": "transfer", "profit_sharings": "sharing", "profit_sharing_returns": "return"}
CREATED: Final = {
    "merchant_transfers": "transfer.created",
    "profit_sharings": "profit_sharing.created",
    "profit_sharing_returns": "profit_sharing_return.created",
}


def transfers(books: Books) -> Iterator[Difference]:
    """Each transfer ended at WeChat as it ended here; what WeChat never had was not paid."""
    ours = {row["out_bill_no"]: row for row in books.tables["merchant_transfers"]}
    theirs = {row["out_bill_no"]: row for row in books.transfers}
    for number in theirs.keys() - ours.keys():
        yield Difference(DOUBLED, f"WeChat has the transfer {number}, which was never recorded")
    for number, row in ours.items():
        there = theirs.get(number)
        found = there["state"] if there else None
        if found is None and row["state"] in ("declined", "canceled"):
            continue
        if found is None or TRANSFER_WORDS.get(row["state"]) != found:
            kind = LOST if found == "SUCCESS" else DIFFERS
            yield Difference(kind, f"the transfer {number} is {row['state']} here and {found} at WeChat")
        elif there is not None and there["transfer_amount"] != row["amount"]:
            yield Difference(DIFFERS, f"the transfer {number} has another amount at WeChat")


def sharings(books: Books) -> Iterator[Difference]:
    """Each part is with whom we think it is, and each return came back as we think it did."""
    ours = {row["out_order_no"]: row for row in books.tables["profit_sharings"]}
    theirs = {row["out_order_no"]: row for row in books.sharings}
    for number in theirs.keys() - ours.keys():
        yield Difference(DOUBLED, f"WeChat has the sharing {number}, which was never recorded")
    for number, row in ours.items():
        there = theirs.get(number)
        if there is None and row["state"] == "declined":
            continue
        if there is None or row["state"] != "finished":
            yield Difference(DIFFERS, f"the sharing {number} is {row['state']} here and {_state(there)} at WeChat")
        elif _parts_there(there) != _parts_here(row):
            yield Difference(DIFFERS, f"the sharing {number} has other parts at WeChat")
    back = {row["out_return_no"]: row for row in books.returns}
    rows = {row["out_return_no"]: row for row in books.tables["profit_sharing_returns"]}
    for number in back.keys() - rows.keys():
        yield Difference(DOUBLED, f"WeChat has the return {number}, which was never recorded")
    for number, row in rows.items():
        there = back.get(number)
        if there is None and row["state"] == "declined":
            continue
        found = (there["result"], there["amount"]) if there else None
        if found != (RETURN_WORDS.get(row["state"]), row["amount"]):
            yield Difference(DIFFERS, f"the return {number} is {row['state']} here and {found} at WeChat")


def totals(books: Books) -> Iterator[Difference]:
    """The journal's accounts of money that went out against WeChat's totals, and nothing is reserved any more."""
    balance: Counter[str] = Counter()
    for row in books.tables["ledger"]:
        balance[row["debit"]] += row["amount"]
        balance[row["credit"]] -= row["amount"]
    pairs = (
        ("fen with people, and in the journal", books.totals["transferred_total"], balance["transfers"]),
        ("fen with other merchants, and in the journal", books.totals["shared_total"], balance["sharings"]),
        ("fen promised to people, and reserved in the journal", 0, -balance["transfers_pending"]),
        ("fen promised to other merchants, and reserved in the journal", 0, -balance["sharings_pending"]),
    )
    for what, theirs, ours in pairs:
        if theirs != ours:
            yield Difference(DIFFERS, f"{what}: {theirs} and {ours}")


def events(books: Books) -> Iterator[Difference]:
    """What became true of money that went out was announced once, and nothing else was."""
    told = Counter((row["subject_id"], row["type"]) for row in books.tables["events"])
    wanted: dict[tuple[int, str], int] = {}
    for table, kind in CREATED.items():
        wanted |= {(row["id"], kind): 1 for row in books.tables[table]}
    for row in books.tables["merchant_transfers"]:
        for state in ("paid", "canceled"):
            wanted[row["id"], f"transfer.{state}"] = int(row["state"] == state)
    for (subject, kind), times in wanted.items():
        found = told[subject, kind]
        if found != times:
            yield Difference(LOST if found < times else DOUBLED, f"{kind} of {subject} was announced {found} times")


def asked_once(books: Books) -> Iterator[Difference]:
    """A key made one object."""
    for table, kind in KINDS.items():
        asked: Counter[Any] = Counter()
        for row in books.tables[table]:
            named = orjson.loads(row["metadata"] or "{}").get("asked")
            asked[named] += named is not None
        for key, times in asked.items():
            if times > 1:
                yield Difference(DOUBLED, f"the {kind} that was asked for with {key} was made {times} times")


LAWS: Final = (transfers, sharings, totals, events, asked_once)


def _state(there: Row | None) -> str | None:
    return None if there is None else str(there["state"])


def _parts_there(there: Row) -> list[tuple[str, int, str]]:
    return sorted((part["account"], part["amount"], part["result"]) for part in there.get("receivers", []))


def _parts_here(row: Row) -> list[tuple[str, int, str]]:
    """As a row holds them: kind, party, amount, description, name, state, why not."""
    return sorted((part[1], part[2], PART_WORDS.get(part[5], part[5])) for part in orjson.loads(row["parts"]))

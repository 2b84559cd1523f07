"""How bills are asked for at API v3: a signed answer names a file's place and SHA-1, then the file is fetched.

doc/v3/merchant/4012791890 (trade bill), doc/v3/merchant/4012791892 (fund flow), doc/v3/merchant/4012791899 (file).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from wxbackend.domain.bill import BillKind
from wxbackend.domain.errors import ProviderUnknown, UnreadableMessage
from wxbackend.ports.bills import BillAnswer, BillNotReady, BillOffer, NoBill
from wxbackend.ports.provider import Hosts, Reply
from wxbackend.providers.wechat_v3 import wire
from wxbackend.providers.wechat_v3.config import BACKUP_HOST, MAIN_HOST

PATHS: Final = {BillKind.PAYMENTS: "/v3/bill/tradebill", BillKind.FUNDS: "/v3/bill/fundflowbill"}
CHOICES: Final = {BillKind.PAYMENTS: "bill_type=ALL", BillKind.FUNDS: "account_type=BASIC"}
COVERS: Final = ("wechat_v3", "wechat_v2")
"""A merchant's number has one bill, by whichever version of the API its orders were made."""
NOTHING_HAPPENED: Final = "NO_STATEMENT_EXIST"
"""Seen with 400 and with 404: the code tells, not the status."""
FILE_PATH: Final = "/v3/billdownload/file"
_SHA1: Final = re.compile(r"[0-9a-f]{40}")


def target(kind: BillKind, day: str, beside: Mapping[str, str]) -> str:
    """Path and query that ask for a day's bill, packed; `beside` is what the role names besides."""
    more = "".join(f"&{name}={value}" for name, value in beside.items())
    return f"{PATHS[kind]}?bill_date={day}&{CHOICES[kind]}&tar_type=GZIP{more}"


def read(reply: Reply, hosts: Hosts) -> BillAnswer:
    """What a proven answer says. Raises `ProviderUnknown` for one that names a file elsewhere."""
    body = wire.parse_object(reply.body)
    try:
        digest, address = wire.required_text(body, "hash_value").lower(), wire.required_text(body, "download_url")
    except UnreadableMessage as error:
        raise ProviderUnknown(str(error)) from error
    if wire.text(body, "hash_type") != "SHA1" or not _SHA1.fullmatch(digest):
        raise ProviderUnknown("the bill's hash is no SHA-1")
    parts = urlsplit(address)
    known = {urlsplit(host).netloc for host in (hosts.main, hosts.backup, MAIN_HOST, BACKUP_HOST) if host}
    if parts.netloc not in known or parts.path != FILE_PATH:
        raise ProviderUnknown("the bill lies at an address that is not the provider's")
    return BillOffer(digest, f"{parts.path}?{parts.query}")


def of_error(status: int, code: str, *, proven: bool) -> BillAnswer:
    """What an error means; that nothing happened is believed only when it is proven."""
    if code == NOTHING_HAPPENED and proven:
        return NoBill()
    return BillNotReady(f"{status} {code}"[:80])

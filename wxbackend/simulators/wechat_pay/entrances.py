"""Ways in to the cashier that need no page inside WeChat: QR texts and the page for browsers outside it.

A repeat of an order gives a fresh code and ends the one before (reference: WeChat Pay v3 repeats and life times).
"""

from __future__ import annotations

import re
import secrets
import string
import threading
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from wxbackend.simulators.clock import Clock
from wxbackend.simulators.wechat_pay.orders import Prepay

CODE_LIFETIME_S = 2 * 3600
PAGE_LIFETIME_S = 5 * 60
CODE_CHARACTERS = 9
CODE_TEXT = re.compile(r"weixin://wxpay/bizpayurl\?pr=([0-9A-Za-z]{1,64})")
PAGE_PATH = "/cgi-bin/mmpayweb-bin/checkmweb"


@dataclass(frozen=True, slots=True)
class Entrance:
    """What was given out for an order, at which virtual second."""

    secret: str
    out_trade_no: str
    created_at: float


class Entrances:
    """Every code and page that was given out."""

    def __init__(self, clock: Clock, lock: threading.RLock) -> None:
        self._clock = clock
        self._lock = lock
        self._codes: dict[str, Entrance] = {}
        self._code_of: dict[str, str] = {}
        self._pages: dict[str, Entrance] = {}

    def open_code(self, out_trade_no: str) -> str:
        """A fresh QR text; the order's former one leads nowhere from now on."""
        letters = string.ascii_letters + string.digits
        code = "".join(secrets.choice(letters) for _ in range(CODE_CHARACTERS))
        with self._lock:
            self._codes.pop(self._code_of.get(out_trade_no, ""), None)
            self._codes[code] = Entrance(code, out_trade_no, self._clock.now())
            self._code_of[out_trade_no] = code
        return f"weixin://wxpay/bizpayurl?pr={code}"

    def open_page(self, origin: str, prepay: Prepay) -> str:
        """The address of the cashier's page for one prepay id."""
        secret = f"{secrets.randbelow(10**10):010d}"
        with self._lock:
            self._pages[prepay.prepay_id] = Entrance(secret, prepay.out_trade_no, self._clock.now())
        return f"{origin}{PAGE_PATH}?prepay_id={prepay.prepay_id}&package={secret}"

    def scanned(self, text: str) -> str | None:
        """The order's number behind a QR text, or None when it is none of ours or no longer good."""
        matched = CODE_TEXT.fullmatch(text)
        found = self._codes.get(matched[1]) if matched else None
        return found.out_trade_no if found and self._lives(found, CODE_LIFETIME_S) else None

    def opened(self, url: str) -> str | None:
        """The order's number behind a page's address, or None when it is none of ours or no longer good."""
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        found = self._pages.get(query.get("prepay_id", [""])[0])
        genuine = found is not None and parts.path == PAGE_PATH and query.get("package") == [found.secret]
        return found.out_trade_no if found and genuine and self._lives(found, PAGE_LIFETIME_S) else None

    def _lives(self, entrance: Entrance, seconds: float) -> bool:
        return self._clock.now() < entrance.created_at + seconds

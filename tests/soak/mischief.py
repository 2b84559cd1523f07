"""The simulator's bad manners: every knob of its desk, turned at random, and counted by what was used up."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, Final

from tests.soak.plan import Plan
from tests.soak.tally import Tally
from tests.support.stack import RunningStack

EVERY_S: Final = 0.7
API: Final = {
    "order": (
        "latency", "drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "limit_429",
        "limit_429_after", "truncate", "slow_body", "unsigned", "bad_signature", "probe", "unknown_serial",
        "paid_before_reply",
    ),
    "query": ("latency", "drop_before", "error_500_before", "html_502", "limit_429", "truncate", "unsigned"),
    "close": ("latency", "drop_before", "drop_after", "error_500_after", "unsigned", "paid_after_close"),
    "refund": (
        "latency", "drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "limit_429_after",
        "truncate", "slow_body", "bad_signature", "settled_before_reply",
    ),
    "refund_query": ("latency", "drop_before", "error_500_before", "truncate", "unsigned"),
    "code_pay": (
        "latency", "drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "limit_429",
        "limit_429_after", "truncate", "unsigned", "bad_signature",
    ),
    "reverse": ("latency", "drop_before", "drop_after", "error_500_after", "unsigned"),
    "transfer": (
        "latency", "drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "limit_429",
        "limit_429_after", "truncate", "slow_body", "bad_signature",
    ),
    "transfer_query": ("latency", "drop_before", "error_500_before", "truncate", "unsigned"),
    "transfer_cancel": ("latency", "drop_before", "drop_after", "error_500_after", "unsigned"),
    "share": (
        "latency", "drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "limit_429_after",
        "truncate", "bad_signature",
    ),
    "share_query": ("latency", "drop_before", "error_500_before", "truncate", "unsigned"),
    "share_return": ("latency", "drop_before", "drop_after", "error_500_after", "limit_429_after", "truncate"),
    "share_return_query": ("latency", "drop_before", "error_500_before", "unsigned"),
    "certificates": ("latency", "drop_before", "error_500_before", "bad_signature"),
}  # fmt: skip
NOTICES: Final[dict[str, dict[str, Any]]] = {
    "lose": {},
    "duplicate": {"copies": 3},
    "concurrently": {"copies": 6},
    "delay_s": {"seconds": 4},
    "probe": {},
    "unknown_serial": {},
    "stale_s": {"seconds": 600},
    "tamper": {},
    "hold": {},
}
PLATFORM: Final = ("busy", "token_refused", "token_slow_s")
MODES: Final = ("gray", "gray", "gray", "cert", "pubkey")


class Mischief:
    """Turns a few knobs every moment until it is told to stop; then everything is as it should be."""

    def __init__(self, stack: RunningStack, plan: Plan, tally: Tally) -> None:
        self._stack = stack
        self._tally = tally
        self._dice = plan.dice("mischief")
        self._over = threading.Event()
        self._asked: Counter[str] = Counter()

    def run(self) -> None:
        """Until `stop`."""
        while not self._over.wait(EVERY_S):
            self._count()
            self._api_and_notices()
            chance = self._dice.random()
            if chance < 0.10:
                self._refund_ends()
            elif chance < 0.18:
                self._stack.desk("POST", "/merchant", {"available": self._dice.choice((0, 500, 5_000_000))})
                self._tally.add("faults", "merchant's balance changed")
            elif chance < 0.30:
                self._shop()
            elif chance < 0.34:
                self._stack.desk("POST", "/mode", {"mode": self._dice.choice(MODES)})
                self._tally.add("faults", "signing keys switched")

    def stop(self) -> None:
        """No more mischief."""
        self._over.set()

    def make_good(self) -> None:
        """Behave: let go what was held, pay what is short, and end as a person would what needs a person."""
        desk = self._stack.desk
        self._count()
        self._stack.behave()
        desk("POST", "/mode", {"mode": "gray"})
        desk("POST", "/refunds/rules", {"outcome": "SUCCESS", "times": None})
        desk("POST", "/merchant", {"available": 100_000_000})
        for notice in desk("GET", "/notices")["notices"]:
            if notice["state"] == "held":
                desk("POST", f"/notices/{notice['id']}/release")

    def settle_abnormal(self) -> None:
        """The operator pays out in the console what could not reach the buyer."""
        for refund in self._stack.desk("GET", "/refunds")["refunds"]:
            if refund["status"] == "ABNORMAL":
                self._stack.desk("POST", f"/refunds/{refund['out_refund_no']}/settle", {"outcome": "SUCCESS"})

    def _api_and_notices(self) -> None:
        api = []
        for _ in range(self._dice.randint(0, 4)):
            path = self._dice.choice(tuple(API))
            fault, times = self._dice.choice(API[path]), self._dice.randint(1, 3)
            latency_s = self._dice.choice((0.2, 1.0, 2.5))
            api.append({"fault": fault, "path": path, "times": times, "latency_s": latency_s})
            self._asked[f"{path}: {fault}"] += times
        wish: dict[str, Any] = {"api": api}
        if self._dice.random() < 0.6:
            knob, times = self._dice.choice(tuple(NOTICES)), self._dice.randint(1, 3)
            wish["notices"] = {knob: {"times": times, **NOTICES[knob]}}
            self._asked[f"notices: {knob}"] += times
        if self._dice.random() < 0.15:
            knob = self._dice.choice(PLATFORM)
            wish["platform"] = {knob: {"times": 1}}
            self._asked[f"platform: {knob}"] += 1
        self._stack.mischief(**wish)

    def _refund_ends(self) -> None:
        outcome = self._dice.choice(("ABNORMAL", "CLOSED"))
        self._stack.desk("POST", "/refunds/rules", {"outcome": outcome, "times": 1})
        self._tally.add("faults", f"a refund shall end {outcome}")

    def _shop(self) -> None:
        mood = {"status": self._dice.choice((302, 404, 500, 503)), "times": self._dice.randint(1, 4)}
        self._stack.desk("POST", "/shop/mood", mood | {"delay_s": self._dice.choice((0, 0, 1.0))})
        self._tally.add("faults", "shop refuses a webhook", int(mood["times"]))

    def _count(self) -> None:
        """What was asked for and is no longer waiting to happen did happen; the rest is taken back."""
        left: Counter[str] = Counter()
        view = self._stack.desk("GET", "/mischief")
        for fault in view["api"]:
            left[f"{fault['path']}: {fault['fault']}"] += fault["times"]
        for group in ("notices", "platform"):
            for knob, told in view[group].items():
                left[f"{group}: {knob}"] += told["times"]
        for kind, times in (self._asked - left).items():
            self._tally.add("faults", kind, times)
        self._asked.clear()
        self._stack.behave()

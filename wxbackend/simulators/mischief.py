"""What shall go wrong, and how often: knobs that the desk sets and that each use counts down."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

API_FAULTS = (
    "latency",
    "drop_before",
    "drop_after",
    "error_500_before",
    "error_500_after",
    "html_502",
    "limit_429",
    "limit_429_after",
    "truncate",
    "slow_body",
    "unsigned",
    "bad_signature",
    "probe",
    "unknown_serial",
    "paid_before_reply",
    "paid_after_close",
    "paid_after_reverse",
    "settled_before_reply",
)
API_PATHS = (
    "order", "query", "close", "certificates", "refund", "refund_query", "refund_rescue", "code_pay", "reverse",
    "sign", "contract_query", "contract_terminate", "debit", "debit_query", "debit_notice",
    "transfer", "transfer_query", "transfer_cancel",
    "share", "share_query", "share_return", "share_return_query", "receiver", "bill", "bill_file", "any",
)  # fmt: skip
NOTICE_KNOBS = {
    "lose": 0,
    "duplicate": 2,
    "concurrently": 8,
    "delay_s": 5,
    "probe": 0,
    "unknown_serial": 0,
    "stale_s": 600,
    "tamper": 0,
    "hold": 0,
}
PUSH_KNOBS = {"lose": 0, "hold": 0, "duplicate": 2, "stale_s": 900, "tamper": 0}
PLATFORM_KNOBS = {
    "busy": 0,
    "oauth_snapshot": 0,
    "token_refused": 45009,
    "token_slow_s": 2,
    "shipping_drop_before": 0,
    "shipping_drop_after": 0,
    "shipping_busy_after": 0,
}
LATENCY_S_DEFAULT = 1.0
LATENCY_S_MAX = 120.0
AMOUNT_MAX = 100_000


class BadWishError(ValueError):
    """Mischief that is misspelt, of the wrong type or out of bounds."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A thing to do for the next `times` occasions (None: until cleared); `amount` is seconds or copies."""

    times: int | None
    amount: float = 0


@dataclass(frozen=True, slots=True)
class ApiFault:
    """A fault of the Pay API on one kind of path."""

    fault: str
    path: str
    times: int | None
    latency_s: float


class Mischief:
    """All knobs. Every `take_*` uses one up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._api: list[ApiFault] = []
        self._notices: dict[str, Knob] = {}
        self._platform: dict[str, Knob] = {}
        self._pushes: dict[str, Knob] = {}

    def clear(self) -> None:
        """Behave well from now on."""
        with self._lock:
            self._api, self._notices, self._platform, self._pushes = [], {}, {}, {}

    def set(self, wishes: Mapping[str, object]) -> None:
        """Set the named knobs. Raises BadWishError for an unknown name, and then changes nothing."""
        unknown = set(wishes) - {"api", "notices", "platform", "pushes"}
        if unknown:
            raise BadWishError(f"unknown mischief: {', '.join(sorted(unknown))}")
        listed = wishes.get("api", [])
        if not isinstance(listed, list):
            raise BadWishError("api must be a list of faults")
        api = [_read_fault(item) for item in listed]
        notices = _read_knobs(wishes.get("notices", {}), NOTICE_KNOBS)
        platform = _read_knobs(wishes.get("platform", {}), PLATFORM_KNOBS)
        pushes = _read_knobs(wishes.get("pushes", {}), PUSH_KNOBS)
        with self._lock:
            if "api" in wishes:
                self._api = api
            self._notices = _merged(self._notices, notices)
            self._platform = _merged(self._platform, platform)
            self._pushes = _merged(self._pushes, pushes)

    def take_api(self, path: str) -> list[ApiFault]:
        """At most one latency and one other fault for a request of this kind."""
        taken: list[ApiFault] = []
        with self._lock:
            for latency in (True, False):
                for index, fault in enumerate(self._api):
                    if (fault.fault == "latency") is latency and fault.path in (path, "any"):
                        taken.append(fault)
                        self._api[index] = replace(fault, times=_less(fault.times))
                        break
                self._api = [fault for fault in self._api if fault.times != 0]
        return taken

    def take_notice(self, name: str) -> Knob | None:
        """The notice knob of this name if it is set."""
        with self._lock:
            return _take(self._notices, name)

    def take_platform(self, name: str) -> Knob | None:
        """The platform knob of this name if it is set."""
        with self._lock:
            return _take(self._platform, name)

    def take_push(self, name: str) -> Knob | None:
        """The push knob of this name if it is set."""
        with self._lock:
            return _take(self._pushes, name)

    def view(self) -> dict[str, object]:
        """What is still to go wrong."""
        with self._lock:
            return {
                "api": [
                    {"fault": f.fault, "path": f.path, "times": f.times, "latency_s": f.latency_s} for f in self._api
                ],
                "notices": _show(self._notices),
                "platform": _show(self._platform),
                "pushes": _show(self._pushes),
            }


def _merged(old: Mapping[str, Knob], new: Mapping[str, Knob | None]) -> dict[str, Knob]:
    merged = {**old, **new}
    return {name: knob for name, knob in merged.items() if knob is not None}


def _less(times: int | None) -> int | None:
    return None if times is None else times - 1


def _take(knobs: dict[str, Knob], name: str) -> Knob | None:
    knob = knobs.get(name)
    if knob is None:
        return None
    remaining = _less(knob.times)
    if remaining == 0:
        del knobs[name]
    else:
        knobs[name] = replace(knob, times=remaining)
    return knob


def _show(knobs: Mapping[str, Knob]) -> dict[str, object]:
    return {name: {"times": knob.times, "amount": knob.amount} for name, knob in knobs.items()}


def _read_fault(item: object) -> ApiFault:
    if not isinstance(item, dict):
        raise BadWishError("each api fault must be an object")
    unknown = set(item) - {"fault", "path", "times", "latency_s"}
    if unknown:
        raise BadWishError(f"unknown member of an api fault: {', '.join(sorted(unknown))}")
    fault, path = item.get("fault"), item.get("path", "any")
    if fault not in API_FAULTS:
        raise BadWishError(f"fault must be one of {', '.join(API_FAULTS)}")
    if path not in API_PATHS:
        raise BadWishError(f"path must be one of {', '.join(API_PATHS)}")
    latency_s = _read_amount(item.get("latency_s", LATENCY_S_DEFAULT))
    if latency_s > LATENCY_S_MAX:
        raise BadWishError(f"latency_s must not exceed {LATENCY_S_MAX}")
    return ApiFault(fault, path, _read_times(item.get("times", 1)), latency_s)


def _read_knobs(wishes: object, known: Mapping[str, float]) -> dict[str, Knob | None]:
    if not isinstance(wishes, dict):
        raise BadWishError("knobs must be an object")
    knobs: dict[str, Knob | None] = {}
    for name, wish in wishes.items():
        if name not in known:
            raise BadWishError(f"unknown knob {name}; there are {', '.join(known)}")
        knobs[name] = _read_knob(name, wish, known[name])
    return knobs


def _read_knob(name: str, wish: object, default_amount: float) -> Knob | None:
    if wish is None or wish is False or (not isinstance(wish, dict) and wish == 0):
        return None
    if isinstance(wish, dict):
        unknown = set(wish) - {"times", "amount", "seconds", "copies"}
        if unknown:
            raise BadWishError(f"unknown member of {name}: {', '.join(sorted(unknown))}")
        amount = wish.get("seconds", wish.get("copies", wish.get("amount", default_amount)))
        return Knob(_read_times(wish.get("times", 1)), _read_amount(amount))
    if wish is True:
        return Knob(None, default_amount)
    if name.endswith("_s"):
        return Knob(None, _read_amount(wish))
    return Knob(_read_times(wish), default_amount)


def _read_times(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadWishError("times must be a positive integer, or null for always")
    return value


def _read_amount(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= AMOUNT_MAX:
        raise BadWishError(f"an amount must be a number between 0 and {AMOUNT_MAX}")
    return value

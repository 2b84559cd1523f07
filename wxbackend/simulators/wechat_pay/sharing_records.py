"""What the book of profit sharing keeps: rules, sharings with their parts, and returns; and how the API tells them."""

from __future__ import annotations

from dataclasses import dataclass

from wxbackend.simulators.clock import rfc3339
from wxbackend.simulators.wechat_pay.sharing_request import PartRequest, ReturnRequest, ShareRequest

PROCESSING, FINISHED = "PROCESSING", "FINISHED"
PENDING, SUCCESS, CLOSED, FAILED = "PENDING", "SUCCESS", "CLOSED", "FAILED"
PERCENT_MAX_DEFAULT = 30


@dataclass(frozen=True, slots=True)
class SharingRules:
    """What the desk may set: seconds until a sharing ends, the greatest share, who is refused, where notices go.

    `closed` names accounts whose parts end CLOSED, each with its fail_reason; `return_fails` ends returns.
    """

    settle_after_s: float = 0.0
    percent_max: int = PERCENT_MAX_DEFAULT
    closed: tuple[tuple[str, str], ...] = ()
    return_fails: str | None = None
    notify_url: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """One receiver's part."""

    request: PartRequest
    detail_id: str
    result: str = PENDING
    fail_reason: str | None = None
    ended_at: float | None = None

    @property
    def holds(self) -> int:
        """Fen that it has or shall have."""
        return 0 if self.result == CLOSED else self.request.amount


@dataclass(frozen=True, slots=True)
class Sharing:
    """One request to share or to release, and its state; moments are virtual seconds."""

    request: ShareRequest
    order_id: str
    parts: tuple[Given, ...]
    created_at: float
    due_at: float | None
    state: str = PROCESSING


@dataclass(frozen=True, slots=True)
class Return:
    """One return."""

    request: ReturnRequest
    return_id: str
    sharing: Sharing
    created_at: float
    due_at: float | None
    result: str = PROCESSING
    fail_reason: str | None = None
    ended_at: float | None = None


def sharing_view(sharing: Sharing) -> dict[str, object]:
    """A sharing as the API answers it."""
    request = sharing.request
    view: dict[str, object] = {
        "transaction_id": request.transaction_id,
        "out_order_no": request.out_order_no,
        "order_id": sharing.order_id,
        "state": sharing.state,
    }
    if sharing.parts:
        view["receivers"] = [_part_view(part, sharing) for part in sharing.parts]
    return view


def return_view(returned: Return) -> dict[str, object]:
    """A return as the API answers it."""
    request = returned.request
    view: dict[str, object] = {
        "order_id": returned.sharing.order_id,
        "out_order_no": returned.sharing.request.out_order_no,
        "out_return_no": request.out_return_no,
        "return_id": returned.return_id,
        "return_mchid": request.return_mchid,
        "amount": request.amount,
        "description": request.description,
        "result": returned.result,
        "create_time": rfc3339(returned.created_at),
        "finish_time": rfc3339(returned.ended_at or returned.created_at),
    }
    if returned.fail_reason is not None:
        view["fail_reason"] = returned.fail_reason
    return view


def party_view(part: PartRequest) -> dict[str, object]:
    """A receiver as requests and notices name it."""
    return {"type": part.kind, "account": part.account, "amount": part.amount, "description": part.description}


def _part_view(part: Given, sharing: Sharing) -> dict[str, object]:
    view = party_view(part.request) | {
        "result": part.result,
        "detail_id": part.detail_id,
        "create_time": rfc3339(sharing.created_at),
        "finish_time": rfc3339(part.ended_at or sharing.created_at),
    }
    return view if part.fail_reason is None else view | {"fail_reason": part.fail_reason}

"""A request that carries an idempotency key is carried out once: the claim is part of its first unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from wxbackend.domain.errors import IdempotencyInFlight, IdempotencyMismatch, WxbackendError
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import IdempotentRequest, KeptReply, Unit

IN_FLIGHT_MS_MAX: Final = 60_000
"""A request older than this was cut off by a crash. What it made is the answer; if nothing, it is begun anew."""


@dataclass(slots=True)
class Once:
    """The claim of one request; without a key it claims nothing.

    `render` makes the answer's bytes of what a flow shows; `answer` are those that are kept, once they are.
    `by_owner` says that the caller may be told all of the account without proving anything else.
    """

    request: IdempotentRequest | None = None
    by_owner: bool = False
    render: Callable[[Any], bytes] | None = None
    answer: bytes | None = None
    looked: bool = False
    """Whether the kept answers were looked through already."""


class AlreadyAnswered(WxbackendError):
    """The same request was answered before: give the same bytes again."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__("answered before")
        self.status = status
        self.body = body


class AlreadyBegun(WxbackendError):
    """The same request made this object, and the process died before it could answer."""

    def __init__(self, object_id: int) -> None:
        super().__init__("begun before")
        self.object_id = object_id


def look_for_answer(deps: Dependencies, once: Once) -> None:
    """Raise what is kept under the key already: a request that is only repeated writes nothing.

    Others than the owner are told by the flow's claim, after it has seen their proof.
    """
    request = once.request
    if request is None or not once.by_owner or once.looked:
        return
    once.looked = True
    kept = deps.store.look(lambda unit: unit.idempotency.find(request))
    if kept is not None and kept.status is not None:
        _raise_kept(request, kept, deps.surroundings.now_ms())


def claim(unit: Unit, deps: Dependencies, once: Once, *, object_id: int | None) -> None:
    """Claim the key in this unit, or raise what became of its first use; None for what makes no object of ours."""
    if once.request is None:
        return
    now_ms = deps.surroundings.now_ms()
    kept = unit.idempotency.begin(once.request, object_id=object_id, now_ms=now_ms)
    if kept is not None and _made_nothing(once.request, kept, now_ms):
        unit.idempotency.release(once.request)
        kept = unit.idempotency.begin(once.request, object_id=object_id, now_ms=now_ms)
    if kept is not None:
        _raise_kept(once.request, kept, now_ms)


def let_go(deps: Dependencies, once: Once) -> None:
    """Give the key back, because nothing came of the request and the same one may be sent again."""
    request = once.request
    if request is not None:
        deps.store.write(lambda unit: unit.idempotency.release(request))


def _made_nothing(request: IdempotentRequest, kept: KeptReply, now_ms: int) -> bool:
    """Whether a crash cut off the same request before there was anything to recover."""
    unanswered = kept.status is None and kept.object_id is None
    return unanswered and kept.fingerprint == request.fingerprint and now_ms - kept.begun_ms > IN_FLIGHT_MS_MAX


def keep_answer(unit: Unit, once: Once, shown: object) -> None:
    """Keep the answer in the unit that makes it true, so that no crash can come between the two."""
    if once.request is None or once.render is None:
        return
    once.answer = once.render(shown)
    unit.idempotency.finish(once.request, status=200, body=once.answer)


def _raise_kept(request: IdempotentRequest, kept: KeptReply, now_ms: int) -> None:
    if kept.fingerprint != request.fingerprint:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used for a request with other parameters. Use a new key for a new request.",
            code="idempotency_key_reused",
        )
    if kept.status is not None:
        raise AlreadyAnswered(kept.status, kept.body or b"")
    if kept.object_id is not None and now_ms - kept.begun_ms > IN_FLIGHT_MS_MAX:
        raise AlreadyBegun(kept.object_id)
    raise IdempotencyInFlight(
        "A request with this Idempotency-Key is being worked on. Try again in a moment.",
        code="idempotency_key_in_use",
    )

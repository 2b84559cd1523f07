"""`Idempotency-Key`: the same request again is given the same bytes again, and is never executed twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

import orjson
from flask import Request, Response, g

from wxbackend.api.authentication import actor
from wxbackend.api.errors import JSON_TYPE, of_rejection
from wxbackend.api.reading import raw_parameters
from wxbackend.domain.errors import IdempotencyInFlight, IdempotencyMismatch, InvalidRequest, Rejected
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import AlreadyAnswered, AlreadyBegun, Once, look_for_answer
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import IdempotentRequest

KEY_CHARACTERS_MAX: Final = 255
HEADER: Final = "Idempotency-Key"


def kept_answer(deps: Dependencies, request: Request) -> Response | None:
    """The answer that the same request was given before, by the key of a secret key's owner."""
    if HEADER not in request.headers:
        return None
    once = g.once = once_of(request, actor())
    try:
        look_for_answer(deps, once)
    except AlreadyAnswered as kept:
        return _again(kept)
    return None


def once_of(request: Request, actor: Actor) -> Once:
    """The claim that a request makes. The same request by JSON and by form has the same fingerprint."""
    if "once" in g:
        known: Once = g.once
        return known
    key = request.headers.get(HEADER)
    if key is None:
        return Once()
    if not 1 <= len(key) <= KEY_CHARACTERS_MAX:
        raise InvalidRequest(
            f"{HEADER} must have 1 to {KEY_CHARACTERS_MAX} characters.", code="idempotency_key_invalid"
        )
    told = [request.method, request.path, actor.kind.value, _plain(raw_parameters(request))]
    fingerprint = hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()
    claimed = IdempotentRequest(actor.account, actor.livemode, key, fingerprint)
    return Once(claimed, by_owner=actor.kind is KeyKind.SECRET)


def answer_once(
    deps: Dependencies,
    once: Once,
    run: Callable[[Once], dict[str, Any]],
    recover: Callable[[int], dict[str, Any]] | None = None,
) -> Response:
    """Run the flow, or give the kept answer; `recover` shows what a request made that a crash cut off.

    A request that makes no object of ours needs no `recover`: cut off, it is begun anew.
    """
    try:
        look_for_answer(deps, once)
        made = run(once)
        if once.answer is not None:  # the flow kept it where it became true
            return Response(once.answer, status=200, content_type=JSON_TYPE)
        answer = _json(made)
    except AlreadyAnswered as kept:
        return _again(kept)
    except AlreadyBegun as begun:
        assert recover is not None, "a claim that names an object belongs to a request that can show it"
        answer = _json(recover(begun.object_id))
    except (IdempotencyMismatch, IdempotencyInFlight):
        raise
    except Rejected as error:
        # A refusal before the first commit left no claim behind, and then this keeps nothing.
        answer = of_rejection(error)
    request = once.request
    if request is not None:
        status, body = answer.status_code, answer.get_data()
        deps.store.write(lambda unit: unit.idempotency.finish(request, status=status, body=body))
    return answer


def _again(kept: AlreadyAnswered) -> Response:
    answer = Response(kept.body, status=kept.status, content_type=JSON_TYPE)
    answer.headers["Idempotent-Replayed"] = "true"
    return answer


def json_bytes(body: dict[str, Any]) -> bytes:
    """An answer's body."""
    return orjson.dumps(body)


def _json(body: dict[str, Any]) -> Response:
    return Response(json_bytes(body), status=200, content_type=JSON_TYPE)


def _plain(value: Any) -> Any:
    """Scalars as text and lists as numbered structures, as a form would spell them."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return {str(place): _plain(inner) for place, inner in enumerate(value)}
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)

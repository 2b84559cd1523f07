"""Many equal requests at the same moment under one idempotency key, and what must come of them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tests.support.stack import Answer, RunningStack

BEGIN_WITHIN_S: Final = 20.0


def post_at_once(stack: RunningStack, path: str, body: dict[str, Any], *, key: str, at_once: int) -> dict[str, Any]:
    """All begin together; each is given the one answer, at once or when it asks again. Returns what was made."""
    ready = threading.Barrier(at_once)

    def post(_: int) -> Answer:
        ready.wait(BEGIN_WITHIN_S)
        return stack.call("POST", path, body, headers={"Idempotency-Key": key})

    with ThreadPoolExecutor(at_once) as crowd:
        answers = list(crowd.map(post, range(at_once)))
    assert {answer.status for answer in answers} <= {200, 409}, {answer.body for answer in answers}
    for answer in answers:
        if answer.status == 409:
            assert answer.json()["error"]["code"] == "idempotency_key_in_use"
    replay = stack.call("POST", path, body, headers={"Idempotency-Key": key})
    assert replay.status == 200
    assert replay.headers["idempotent-replayed"] == "true"
    given = [answer for answer in answers if answer.status == 200]
    assert {answer.body for answer in given} == {replay.body}
    assert sum("idempotent-replayed" not in answer.headers for answer in given) == 1
    made: dict[str, Any] = replay.json()
    return made

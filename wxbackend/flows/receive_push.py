"""What WeChat pushes: proven, kept durably, handled once, then answered. It never calls out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from wxbackend.domain.errors import DatabaseAway, NotConfigured
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.handle_push import handle_push
from wxbackend.flows.park_failure import note_failure, went_well
from wxbackend.ports.accounts import App
from wxbackend.ports.pushes import Push
from wxbackend.ports.store import KeptPush, Unit, Work

TAKE_UP_AFTER_MS: Final = 5_000
TAKE_UP_AT_ONCE_MAX: Final = 50


def receive_push(deps: Dependencies, app: App, query: Mapping[str, str], body: bytes) -> None:
    """Return when it is stored durably; raises `Untrusted` for what is not proven and `DatabaseAway`."""
    log = structlog.get_logger("pushes")
    push = deps.identity.pushes.read(app, query, body)
    kept = KeptPush(
        id=deps.surroundings.new_id(),
        appid=app.appid,
        push_id=push.id,
        kind=push.kind,
        event=push.event,
        sealed=push.sealed,
        received_ms=deps.surroundings.now_ms(),
        content=push.content,
    )
    try:
        verdict = deps.store.write(lambda unit: _keep_and_handle(unit, deps, app, kept, push))
    except DatabaseAway:
        raise  # nothing can be kept now; WeChat is told so and sends it again
    except Exception:
        # A defect in handling must not lose the push: keep it alone, the worker takes it up again.
        log.exception("push_not_handled", push_id=push.id)
        deps.store.write(lambda unit: unit.pushes.keep(kept))
        verdict = "kept"
    log.info("push_received", appid=app.appid, push_id=push.id, event_name=push.event or push.kind, verdict=verdict)


def take_up_pushes(deps: Dependencies) -> int:
    """Handle pushes that were kept and not handled; how many there were."""
    before_ms = deps.surroundings.now_ms() - TAKE_UP_AFTER_MS
    left = deps.store.read(lambda unit: unit.pushes.unhandled(before_ms=before_ms, limit=TAKE_UP_AT_ONCE_MAX))
    for kept in left:
        try:
            _take_up(deps, kept)
        except DatabaseAway:
            raise  # none of them can be handled now
        except Exception as error:  # noqa: BLE001 - one that always fails must not hold up the others
            structlog.get_logger("pushes").exception("push_not_handled", push_id=kept.push_id)
            note_failure(deps, Work.PUSH, kept.id, error)
    return len(left)


def _take_up(deps: Dependencies, kept: KeptPush) -> None:
    app = deps.accounts.app(kept.appid)
    if app is None:
        raise NotConfigured(kept.appid)
    push = deps.identity.pushes.reread(kept.content, sealed=kept.sealed)
    deps.store.write(lambda unit: _keep_and_handle(unit, deps, app, kept, push))
    went_well(deps, Work.PUSH, kept.id)


def _keep_and_handle(unit: Unit, deps: Dependencies, app: App, kept: KeptPush, push: Push) -> str:
    if not unit.pushes.keep(kept):
        return "seen before"
    verdict = handle_push(unit, deps, app, push)
    unit.pushes.handled(kept, verdict=verdict, now_ms=deps.surroundings.now_ms())
    return verdict

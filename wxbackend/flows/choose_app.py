"""Which of the account's WeChat apps is meant: the only one of its kind, or the one that is named."""

from __future__ import annotations

from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.terminal import AppKind
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor, App


def choose_app(deps: Dependencies, actor: Actor, kind: AppKind, named: str | None, *, param: str = "app_id") -> App:
    """The account's app of that kind in the key's mode; `InvalidRequest` says what to name or to set."""
    apps = [app for app in deps.accounts.apps(actor.account, livemode=actor.livemode) if app.kind is kind]
    fitting = [app for app in apps if named in (None, app.appid)]
    if len(fitting) == 1:
        return fitting[0]
    if not apps:
        why = f"This account has no {kind.value} app; add one under [[accounts.apps]] in the settings."
        code = "app_misconfigured"
    elif named is not None:
        why, code = f"app_id is not a {kind.value} of this account.", "parameter_invalid"
    else:
        why, code = f"This account has several {kind.value} apps; name one in app_id.", "parameter_missing"
    raise InvalidRequest(why, code=code, param=param)

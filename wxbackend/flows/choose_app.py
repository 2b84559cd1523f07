"""Which of the account's WeChat apps is meant: the only one of its kind, or the one that is named."""

from __future__ import annotations

from collections.abc import Sequence

from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.terminal import AppKind
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor, App


def choose_app_of(
    deps: Dependencies, actor: Actor, kinds: Sequence[AppKind], named: str | None, *, param: str = "app_id"
) -> App:
    """An app of any of these kinds: the named one, or that of the first kind of which the account has any."""
    apps = deps.accounts.apps(actor.account, livemode=actor.livemode)
    had = [kind for kind in kinds if any(app.kind is kind for app in apps)]
    if named is not None:
        had = [app.kind for app in apps if app.appid == named and app.kind in kinds] or had
    return choose_app(deps, actor, (had or list(kinds))[0], named, param=param)


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


def choose_any_app(deps: Dependencies, actor: Actor, named: str | None, *, param: str = "app_id") -> App:
    """The app that is named, or any where all pay to the same merchant number: the kind does not matter."""
    apps = deps.accounts.apps(actor.account, livemode=actor.livemode)
    fitting = [app for app in apps if named in (None, app.appid)]
    if fitting and len({app.merchant for app in fitting}) == 1:
        return fitting[0]
    if not apps:
        why = "This account has no app; add one under [[accounts.apps]] in the settings."
        code = "app_misconfigured"
    elif named is not None:
        why, code = "app_id is not an app of this account.", "parameter_invalid"
    else:
        why, code = "This account has several merchant numbers; name an app of the one to pay to.", "parameter_missing"
    raise InvalidRequest(why, code=code, param=param)

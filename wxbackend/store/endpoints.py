"""Webhook endpoints that were made through the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from wxbackend.domain import ids
from wxbackend.domain.endpoint import Endpoint, RetiredSecret
from wxbackend.store import tables
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

_T = tables.webhook_endpoints
_INSERT = Statement(insert(_T))
_BY_ID = select(_T).where(_T.c.id == bindparam("endpoint_id"))
_FIND = Statement(_BY_ID)
_LOCK = Statement(_BY_ID.with_for_update())
_ALL = (
    select(_T)
    .where(_T.c.account == bindparam("of_account"), _T.c.livemode == bindparam("in_livemode"))
    .order_by(_T.c.id.desc())
)
_OF_ACCOUNT = Statement(_ALL)
_LOCK_ALL = Statement(_ALL.with_only_columns(_T.c.id).with_for_update())
_CHANGING = ("url", "secret", "retired", "enabled_events", "description", "metadata", "disabled")
_SAVE = Statement(
    update(_T)
    .where(_T.c.id == bindparam("endpoint_id"), _T.c.version == bindparam("was_version"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING} | {"version": bindparam("new_version")})
    .returning(_T.c.id)
)
_REMOVE = Statement(delete(_T).where(_T.c.id == bindparam("endpoint_id")))


class Endpoints:
    """See `ports.store.Endpoints`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, endpoint: Endpoint) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(endpoint))

    def find(self, endpoint_id: int) -> Endpoint | None:
        """Read one."""
        row = _FIND.first(self._link, {"endpoint_id": endpoint_id})
        return None if row is None else _endpoint_from(row)

    def lock(self, endpoint_id: int) -> Endpoint | None:
        """Read one for changing."""
        row = _LOCK.first(self._link, {"endpoint_id": endpoint_id})
        return None if row is None else _endpoint_from(row)

    def save(self, endpoint: Endpoint) -> None:
        """Write one; its `version` is the one that was read."""
        row = _row(endpoint)
        values = {f"new_{name}": row[name] for name in _CHANGING}
        values |= {"endpoint_id": row["id"], "was_version": endpoint.version, "new_version": endpoint.version + 1}
        written = _SAVE.all(self._link, values)
        assert len(written) == 1, "an endpoint was changed without its lock"

    def remove(self, endpoint_id: int) -> None:
        """Forget one."""
        _REMOVE.run(self._link, {"endpoint_id": endpoint_id})

    def expect_of_account(self, account: str, *, livemode: bool) -> None:
        """Ask for them."""
        _OF_ACCOUNT.ahead(self._link, {"of_account": account, "in_livemode": livemode})

    def of_account(self, account: str, *, livemode: bool) -> Sequence[Endpoint]:
        """All of them, newest first."""
        told = {"of_account": account, "in_livemode": livemode}
        return [_endpoint_from(row) for row in _OF_ACCOUNT.all(self._link, told)]

    def lock_all(self, account: str, *, livemode: bool) -> Sequence[Endpoint]:
        """All of them; others who ask this wait. What they add meanwhile is seen, as it is read after the wait."""
        _LOCK_ALL.all(self._link, {"of_account": account, "in_livemode": livemode})
        return self.of_account(account, livemode=livemode)


def _row(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": ids.parse(ids.ENDPOINT, endpoint.id),
        "account": endpoint.account,
        "livemode": endpoint.livemode,
        "url": endpoint.url,
        "secret": endpoint.secret,
        "retired": to_text([[old.secret, old.until_ms] for old in endpoint.retired]),
        "enabled_events": to_text(list(endpoint.enabled_events)),
        "description": endpoint.description,
        "metadata": to_text(dict(endpoint.metadata)),
        "disabled": endpoint.disabled,
        "created_ms": endpoint.created_ms,
        "version": endpoint.version,
    }


def _endpoint_from(row: Any) -> Endpoint:
    return Endpoint(
        id=ids.render(ids.ENDPOINT, row.id),
        account=row.account,
        livemode=row.livemode,
        url=row.url,
        secret=row.secret,
        retired=tuple(RetiredSecret(secret, until_ms) for secret, until_ms in from_text(row.retired) or ()),
        enabled_events=tuple(from_text(row.enabled_events)),
        description=row.description,
        metadata=from_text(row.metadata) or {},
        disabled=row.disabled,
        created_ms=row.created_ms,
        version=row.version,
    )

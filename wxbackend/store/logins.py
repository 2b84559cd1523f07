"""Login sessions of buyers; a token is kept as its hash only."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select

from wxbackend.ports.store import LoginSession
from wxbackend.store import login_tables
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

_T = login_tables.login_sessions
_INSERT = Statement(insert(_T))
_FIND = Statement(select(_T).where(_T.c.token_hash == bindparam("named")))
_FORGET = Statement(delete(_T).where(_T.c.expires_ms < bindparam("before")))


class Logins:
    """See `ports.store.Logins`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, session: LoginSession) -> None:
        """Keep one."""
        _INSERT.run(
            self._link,
            {
                "token_hash": session.token_hash,
                "account": session.account,
                "livemode": session.livemode,
                "appid": session.appid,
                "openid": session.openid,
                "payable": session.payable,
                "created_ms": session.created_ms,
                "expires_ms": session.expires_ms,
            },
        )

    def find(self, token_hash: str) -> LoginSession | None:
        """Read one."""
        row = _FIND.first(self._link, {"named": token_hash})
        if row is None:
            return None
        return LoginSession(
            token_hash=row.token_hash,
            account=row.account,
            livemode=row.livemode,
            appid=row.appid,
            openid=row.openid,
            payable=row.payable,
            created_ms=row.created_ms,
            expires_ms=row.expires_ms,
        )

    def forget(self, *, expired_before_ms: int) -> None:
        """Drop old ones."""
        _FORGET.run(self._link, {"before": expired_before_ms})

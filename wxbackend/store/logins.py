"""Login sessions of buyers; a token is kept as its hash only."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select

from wxbackend.ports.store import LoginSession
from wxbackend.store import tables

_T = tables.login_sessions
_INSERT = insert(_T)
_FIND = select(_T).where(_T.c.token_hash == bindparam("named"))
_FORGET = delete(_T).where(_T.c.expires_ms < bindparam("before"))


class Logins:
    """See `ports.store.Logins`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, session: LoginSession) -> None:
        """Keep one."""
        self._connection.execute(
            _INSERT,
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
        row = self._connection.execute(_FIND, {"named": token_hash}).first()
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
        self._connection.execute(_FORGET, {"before": expired_before_ms})

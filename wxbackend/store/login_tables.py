"""The table of buyers' login sessions; part of the one schema that `tables` begins.

Times are Unix milliseconds.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, Text

from wxbackend.store.tables import Number, metadata

login_sessions = Table(
    "login_sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("appid", Text, nullable=False),
    Column("openid", Text, nullable=False),
    Column("payable", Boolean, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("expires_ms", Number, nullable=False),
)
Index("login_sessions_expiry", login_sessions.c.expires_ms)

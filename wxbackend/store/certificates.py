"""Providers' certificates, fetched by the worker and read by every process."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.ports.provider import PlatformCertificate
from wxbackend.store import tables
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

_T = tables.platform_certificates
_SAVE = Statement(
    {
        "sqlite": sqlite_insert(_T).on_conflict_do_nothing(),
        "postgresql": postgresql_insert(_T).on_conflict_do_nothing(),
    }
)
_LOAD = Statement(
    select(_T).where(_T.c.provider == bindparam("of_provider"), _T.c.merchant == bindparam("of_merchant"))
)


class Certificates:
    """See `ports.store.Certificates`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def save(self, provider: str, merchant: str, certificates: Sequence[PlatformCertificate]) -> None:
        """Keep these beside what is there."""
        for certificate in certificates:
            _SAVE.run(
                self._link,
                {
                    "provider": provider,
                    "merchant": merchant,
                    "serial": certificate.serial,
                    "pem": certificate.pem,
                    "effective_ms": certificate.effective_ms,
                    "expires_ms": certificate.expires_ms,
                },
            )

    def load(self, provider: str, merchant: str) -> tuple[PlatformCertificate, ...]:
        """All that are kept."""
        rows = _LOAD.all(self._link, {"of_provider": provider, "of_merchant": merchant})
        return tuple(PlatformCertificate(row.serial, row.pem, row.effective_ms, row.expires_ms) for row in rows)

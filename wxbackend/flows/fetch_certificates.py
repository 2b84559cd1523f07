"""Fetch WeChat's platform certificates for all processes; called by the worker, never from inside a notice."""

from __future__ import annotations

from typing import Final

import structlog

from wxbackend.domain.errors import CoordinationAway, ProviderError
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.coordination import Coordination
from wxbackend.ports.provider import CertificateSource

WISHES_APART_S: Final = 60
"""Whoever can post to us can name serials that nobody has: they make us call the provider at most this often."""


def wish_for_certificates(coordination: Coordination, name: str, merchant: str) -> None:
    """Somebody met a certificate's serial that nobody here holds: a worker shall fetch what there is.

    Only a hint: without coordination the worker's schedule has to do.
    """
    log = structlog.get_logger("certificates")
    try:
        coordination.put(_wish(name, merchant), "1", ttl_s=WISHES_APART_S)
    except CoordinationAway:
        log.warning("certificates_not_wished_for", provider=name, merchant=merchant)
        return
    log.info("certificates_wished_for", provider=name, merchant=merchant)


def take_wish(coordination: Coordination, name: str, merchant: str) -> bool:
    """Whether the caller, and nobody else within a minute, shall fetch them because of a wish."""
    try:
        if coordination.get(_wish(name, merchant)) is None:
            return False
        if not coordination.add(f"{_wish(name, merchant)}:granted", "1", ttl_s=WISHES_APART_S):
            return False
        coordination.remove(_wish(name, merchant))
    except CoordinationAway:
        return False
    return True


def _wish(name: str, merchant: str) -> str:
    return f"certificates:{name}:{merchant}:wished"


def fetch_certificates(deps: Dependencies, name: str, merchant: str, source: CertificateSource) -> bool:
    """Fetch and keep them; whether the provider answered. What was trusted before stays trusted."""
    log = structlog.get_logger("certificates")
    try:
        fetched = deps.transport.send(source.certificates())
    except ProviderError as error:
        log.warning("certificates_not_fetched", provider=name, merchant=merchant, reason=str(error))
        return False
    source.trust(fetched)
    deps.store.write(lambda unit: unit.certificates.save(name, merchant, fetched))
    log.info("certificates_fetched", provider=name, merchant=merchant, count=len(fetched))
    return True

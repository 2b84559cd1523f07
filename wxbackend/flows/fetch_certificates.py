"""Fetch WeChat's platform certificates for all processes; called by the worker, never from inside a notice."""

from __future__ import annotations

import structlog

from wxbackend.domain.errors import ProviderError
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.provider import CertificateSource


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

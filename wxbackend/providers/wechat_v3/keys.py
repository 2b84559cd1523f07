"""The keys that verify WeChat's messages: certificates and the public key, side by side, by serial."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wxbackend.ports.provider import PlatformCertificate
from wxbackend.providers.wechat_v3.config import load_certificate

LOOK_AGAIN_AFTER_S: Final = 2
"""An unknown serial makes us look into the shared store at most this often, and never further."""


class KeyRing:
    """Grows, never shrinks: a key that was trusted is not forgotten because a refresh failed."""

    def __init__(
        self,
        known: dict[str, RSAPublicKey],
        *,
        load: Callable[[], tuple[PlatformCertificate, ...]],
        clock_s: Callable[[], int],
    ) -> None:
        self._keys = dict(known)
        self._effective_ms: dict[str, int] = {}
        self._load = load
        self._clock_s = clock_s
        self._looked_s = 0
        self._lock = threading.Lock()

    def find(self, serial: str) -> RSAPublicKey | None:
        """The key with that serial; an unknown one may have been fetched by the worker meanwhile."""
        key = self._keys.get(serial)
        return key if key is not None else self._look_again(serial)

    def add(self, certificates: tuple[PlatformCertificate, ...]) -> None:
        """Trust these too."""
        fresh = dict(self._keys)
        for certificate in certificates:
            if certificate.serial not in fresh:
                fresh[certificate.serial] = load_certificate(certificate.pem.encode())[1]
        effective = {certificate.serial: certificate.effective_ms for certificate in certificates}
        self._effective_ms = self._effective_ms | effective
        self._keys = fresh

    def for_sealing(self, preferred: str | None, *, now_s: int) -> tuple[str, RSAPublicKey] | None:
        """The key to encrypt fields with, and its serial: the public key, or else the newest certificate in effect."""
        key = self._keys.get(preferred) if preferred is not None else None
        if preferred is not None and key is not None:
            return preferred, key
        if not self._effective_ms:
            self._look_again("")
        started = {serial: since for serial, since in self._effective_ms.items() if since <= now_s * 1000}
        if not started:
            return None
        newest = max(started, key=lambda serial: (started[serial], serial))
        return newest, self._keys[newest]

    def _look_again(self, serial: str) -> RSAPublicKey | None:
        with self._lock:
            now = self._clock_s()
            if now - self._looked_s >= LOOK_AGAIN_AFTER_S:
                self._looked_s = now
                self.add(self._load())
        return self._keys.get(serial)

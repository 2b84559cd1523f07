"""The keys that verify WeChat's messages: certificates and the public key, side by side, by serial."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wxbackend.ports.provider import PlatformCertificate
from wxbackend.providers.wechat_v3.config import load_certificate

LOOK_AGAIN_AFTER_S: Final = 2
"""An unknown serial makes us look into the shared store at most this often."""
ASK_AGAIN_AFTER_S: Final = 60
"""When it is not there either, somebody else is asked to fetch what there is, at most this often; nobody waits."""
CERTIFICATE_SERIAL: Final = re.compile(r"[0-9A-F]{1,40}")
"""Of a public key (PUB_KEY_ID_…) nothing can be fetched."""


class KeyRing:
    """Grows, never shrinks: a key that was trusted is not forgotten because a refresh failed."""

    def __init__(
        self,
        known: dict[str, RSAPublicKey],
        *,
        load: Callable[[], tuple[PlatformCertificate, ...]],
        clock_s: Callable[[], int],
        missing: Callable[[], None] | None = None,
    ) -> None:
        self._keys = dict(known)
        self._effective_ms: dict[str, int] = {}
        self._load = load
        self._clock_s = clock_s
        self._missing = missing
        self._looked_s = 0
        self._asked_s = 0
        self._lock = threading.Lock()

    def find(self, serial: str) -> RSAPublicKey | None:
        """The key with that serial; an unknown one may have been fetched by the worker meanwhile, or soon will be."""
        key = self._keys.get(serial) or self._look_again(serial)
        if key is None and self._missing is not None and CERTIFICATE_SERIAL.fullmatch(serial) and self._may_ask():
            self._missing()
        return key

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

    def _may_ask(self) -> bool:
        with self._lock:
            now = self._clock_s()
            if now - self._asked_s < ASK_AGAIN_AFTER_S:
                return False
            self._asked_s = now
            return True

    def _look_again(self, serial: str) -> RSAPublicKey | None:
        with self._lock:
            now = self._clock_s()
            if now - self._looked_s >= LOOK_AGAIN_AFTER_S:
                self._looked_s = now
                self.add(self._load())
        return self._keys.get(serial)

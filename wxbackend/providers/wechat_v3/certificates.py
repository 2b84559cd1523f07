"""`GET /v3/certificates`: the answer is decrypted first, then proven by what it brought."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wxbackend.domain.errors import ProviderUnknown, UnreadableMessage, Untrusted
from wxbackend.ports.provider import PlatformCertificate, Reply
from wxbackend.providers.wechat_v3 import wire
from wxbackend.providers.wechat_v3.config import load_certificate
from wxbackend.providers.wechat_v3.signing import PlatformKeys, unseal, verify

PATH = "/v3/certificates"


class _WithBrought:
    """The keys that we hold and those in the answer."""

    def __init__(self, held: PlatformKeys, brought: dict[str, RSAPublicKey]) -> None:
        self._held = held
        self._brought = brought

    def find(self, serial: str) -> RSAPublicKey | None:
        """The key with that serial."""
        return self._brought.get(serial) or self._held.find(serial)


def read(
    reply: Reply, *, held: PlatformKeys, apiv3_keys: tuple[bytes, ...], now_s: int
) -> tuple[PlatformCertificate, ...]:
    """The certificates in a reply. A merchant that only has the public key gets 404: none."""
    if reply.status == 404:
        return ()
    if reply.status != 200:
        raise ProviderUnknown(f"the question for certificates was answered with {reply.status}")
    try:
        found = [_certificate(entry, apiv3_keys) for entry in _entries(reply.body)]
        brought = {certificate.serial: key for certificate, key in found}
        # Decrypting with the APIv3 key authenticates the certificates; their own key then proves the reply.
        verify(_WithBrought(held, brought), reply.headers, reply.body, now_s=now_s)
    except (Untrusted, ValueError) as error:  # ValueError: a certificate of a kind that we cannot use
        raise ProviderUnknown(f"the certificates cannot be trusted: {error}") from error
    return tuple(certificate for certificate, _ in found)


def _entries(body: bytes) -> list[dict[str, Any]]:
    entries = wire.parse_object(body).get("data")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UnreadableMessage("the certificate list has no data")
    return entries


def _certificate(entry: dict[str, Any], apiv3_keys: tuple[bytes, ...]) -> tuple[PlatformCertificate, RSAPublicKey]:
    pem = unseal(
        apiv3_keys,
        nonce=wire.required_text(entry, "encrypt_certificate", "nonce"),
        associated_data=wire.text(entry, "encrypt_certificate", "associated_data") or "",
        ciphertext=wire.required_text(entry, "encrypt_certificate", "ciphertext"),
    )
    serial = wire.required_text(entry, "serial_no")
    _, key = load_certificate(pem)
    certificate = PlatformCertificate(
        serial=serial,
        pem=pem.decode(),
        effective_ms=wire.read_time_ms(wire.text(entry, "effective_time")) or 0,
        expires_ms=wire.read_time_ms(wire.text(entry, "expire_time")) or 0,
    )
    return certificate, key

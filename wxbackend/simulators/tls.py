"""The encrypted port of the simulator, where a merchant shows its certificate: TLS with a certificate of our own.

A client may come without a certificate and is told so by the paths that want one; one with another merchant's
certificate does not get through the handshake.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

CERTIFICATE_DAYS = 5 * 365
FILE_MODE = 0o600
LOOK_EVERY_S = 0.05


def make_tls_files(directory: Path) -> None:
    """The key and the certificate of the port, and the certificate once more as what a merchant believes."""
    key_file, believed = directory / "wechat" / "tls_key.pem", directory / "merchant" / "tls_authority.pem"
    if key_file.exists() and believed.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(key_file, pem)
    _write(believed, _self_signed(key).public_bytes(serialization.Encoding.PEM))


class EncryptedPort:
    """The same application behind TLS, in threads of this process."""

    def __init__(self, app: Flask, host: str, port: int, directory: Path) -> None:
        self._server = make_server(
            host, port, app, threaded=True, request_handler=_Quiet, ssl_context=_context(directory)
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(LOOK_EVERY_S,), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own name
        """Say nothing."""


def _context(directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "merchant" / "tls_authority.pem", directory / "wechat" / "tls_key.pem")
    context.load_verify_locations(directory / "merchant" / "apiclient_cert.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    # The authority that signed the merchant's certificate is gone: the certificate itself is what is known.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated WeChat Pay")])
    now = datetime.now(UTC).replace(microsecond=0)
    places = [x509.DNSName("localhost")] + [x509.IPAddress(ipaddress.ip_address(it)) for it in ("127.0.0.1", "::1")]
    known = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName(places), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(known, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known), critical=False)
        .sign(key, hashes.SHA256())
    )


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)

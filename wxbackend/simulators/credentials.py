"""Keys and console downloads of one simulated merchant; made once per directory and loaded again ever after."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.x509.oid import NameOID

from wxbackend.simulators import service_provider
from wxbackend.simulators.service_provider import ServiceProvider, Signer
from wxbackend.simulators.tls import make_tls_files
from wxbackend.simulators.wechat_platform.push_secrets import ensure_push_secrets

MCHID = "1900000109"
MCHID_ABROAD = "1900000216"
"""The merchant number that sells across the border, by the global API alone."""
OFFICIAL_ACCOUNT_APPID = "wx2421b1c4370ec43b"
MINI_PROGRAM_APPID = "wx7a154c094f74e84f"
MOBILE_APP_APPID = "wx8c1f5b7e3a9d2046"
UNBOUND_APPID = "wxd678efh567hg6787"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000001092026112200000000000001"
APP_KINDS = {
    OFFICIAL_ACCOUNT_APPID: "official_account",
    MINI_PROGRAM_APPID: "mini_program",
    MOBILE_APP_APPID: "mobile_app",
    UNBOUND_APPID: "official_account",
    **service_provider.KINDS_OF_APPS,
}
BOUND_APPIDS = frozenset({OFFICIAL_ACCOUNT_APPID, MINI_PROGRAM_APPID, MOBILE_APP_APPID})

RSA_BITS = 2048
RSA_EXPONENT = 65537
KEY_CHARACTERS = 32
KEY = re.compile(rf"[0-9A-Za-z]{{{KEY_CHARACTERS}}}")
APIV2_KEY_BYTES = 16
CERTIFICATE_DAYS = 5 * 365
SERIAL_HEX_DIGITS = 40
ABROAD_FOLDER = "merchant_abroad"
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class App:
    """One official account, mini program or mobile app; `bound` says whether the merchant number may use it."""

    appid: str
    kind: str
    bound: bool
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlatformCertificate:
    """A WeChat Pay platform certificate with its private half, which only WeChat holds."""

    serial: str
    pem: str
    effective: datetime
    expires: datetime
    private_key: RSAPrivateKey = field(repr=False)


@dataclass(slots=True)
class SharedKeys:
    """The two keys that merchant and WeChat share. Setting one takes effect at once and leaves no overlap."""

    apiv3: bytes = field(repr=False)
    apiv2: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What WeChat knows of the merchant and of itself. The merchant's private key is deliberately not in here."""

    directory: Path
    mchid: str
    merchant_serial: str
    merchant_public_key: RSAPublicKey
    public_key_id: str
    apps: tuple[App, ...]
    platform_certificates: tuple[PlatformCertificate, ...]
    shared: SharedKeys = field(repr=False)
    wechatpay_private_key: RSAPrivateKey = field(repr=False)
    openid_secret: bytes = field(repr=False)
    service_provider: ServiceProvider
    abroad: Signer
    """Who sells across the border, by the global API alone."""

    def signer(self, mchid: str) -> Signer | None:
        """Who signs under this number, or None for a number that may not."""
        known = {
            self.mchid: Signer(self.mchid, self.merchant_serial, self.merchant_public_key, self.apiv3_key),
            self.service_provider.signer.mchid: self.service_provider.signer,
            self.abroad.mchid: self.abroad,
        }
        return known.get(mchid)

    def signs(self, mchid: str) -> Signer:
        """Who signs under the number that an order or an admitted request was signed by."""
        found = self.signer(mchid)
        assert found is not None, "nothing is taken from anybody else"
        return found

    @property
    def apiv3_key(self) -> bytes:
        """What notices and certificates are sealed with now."""
        return self.shared.apiv3

    @property
    def apiv2_key(self) -> str:
        """What messages of API v2 are signed with now."""
        return self.shared.apiv2

    def change_keys(self, **keys: str) -> None:
        """Take what the merchant typed into the console, and keep it. Raises ValueError, and changes nothing then.

        The merchant's own files stay as they are: they are the merchant's business.
        """
        for name, key in keys.items():
            if not KEY.fullmatch(key):
                raise ValueError(f"{name} must be {KEY_CHARACTERS} letters and digits")
        for name, key in keys.items():
            _write_anew(_changed(self.directory, name), key)
        self.shared.apiv3 = keys.get("apiv3_key", self.shared.apiv3.decode("ascii")).encode("ascii")
        self.shared.apiv2 = keys.get("apiv2_key", self.shared.apiv2)

    def app(self, appid: str) -> App | None:
        """The app with this id, or None."""
        return next((app for app in self.apps if app.appid == appid), None)


def ensure(directory: Path) -> Credentials:
    """Make every key in an empty directory, or load those made before. Raises ValueError for a half-filled one."""
    directory = Path(directory)
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    with _locked(directory):
        if not _marker(directory).exists():
            if (directory / "merchant").exists() or (directory / "apps").exists():
                raise ValueError(
                    f"{directory} holds files this simulator did not finish writing; "
                    "name an empty directory, or remove them"
                )
            _make_all(directory)
        ensure_push_secrets(directory, APP_KINDS)
        _make_secrets(directory)
        _add_api_v2(directory)
        _add_signer(directory / ABROAD_FOLDER, MCHID_ABROAD)
        _add_signer(directory / service_provider.FOLDER, service_provider.SP_MCHID)
        return _load(directory)


def add_platform_certificate(directory: Path) -> PlatformCertificate:
    """Make one more platform certificate and keep it beside the others, for a rotation."""
    with _locked(directory):
        folder = directory / "wechat" / "platform"
        number = len(list(folder.glob("*_cert.pem"))) + 1
        _make_platform_certificate(folder, number)
        return _load_platform_certificate(folder, number)


def serial_of(certificate: x509.Certificate) -> str:
    """A certificate's serial as WeChat prints it: upper-case hex, leading zeros kept."""
    return f"{certificate.serial_number:0{SERIAL_HEX_DIGITS}X}"


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _marker(directory: Path) -> Path:
    return directory / "wechat" / "openid_secret.txt"


def _make_all(directory: Path) -> None:
    merchant_key = generate_private_key(RSA_EXPONENT, RSA_BITS)
    wechatpay_key = generate_private_key(RSA_EXPONENT, RSA_BITS)
    merchant = directory / "merchant"
    _write(merchant / "apiclient_key.pem", _private_pem(merchant_key))
    certificate = _issue(merchant_key.public_key(), common_name=MCHID)
    _write(merchant / "apiclient_cert.pem", _certificate_pem(certificate))
    _write(merchant / "apiv3_key.txt", _new_apiv3_key())
    _write(merchant / "pub_key.pem", _public_pem(wechatpay_key.public_key()))
    _write(merchant / "pub_key_id.txt", PUBLIC_KEY_ID)
    wechat = directory / "wechat"
    _write(wechat / "wechatpay_key.pem", _private_pem(wechatpay_key))
    _make_platform_certificate(wechat / "platform", 1)
    _write(_marker(directory), secrets.token_hex(32))


def _make_secrets(directory: Path) -> None:
    """Those that are missing: a directory that an earlier version filled has fewer apps."""
    for appid in APP_KINDS:
        file = directory / "apps" / f"{appid}.secret.txt"
        if not file.exists():
            _write(file, secrets.token_hex(16))


def _add_api_v2(directory: Path) -> None:
    """What API v2 needs beside, also in directories that were filled before there was one here."""
    key = directory / "merchant" / "apiv2_key.txt"
    if not key.exists():
        _write(key, secrets.token_hex(APIV2_KEY_BYTES))
    make_tls_files(directory)


def _add_signer(folder: Path, mchid: str) -> None:
    """The keys of one more number that signs, also in directories that were filled before there was one here."""
    if (folder / "apiv3_key.txt").exists():
        return
    for name in ("apiclient_key.pem", "apiclient_cert.pem"):
        (folder / name).unlink(missing_ok=True)  # half written, by one that was ended there
    key = generate_private_key(RSA_EXPONENT, RSA_BITS)
    certificate = _issue(key.public_key(), common_name=mchid, authority=key)
    _write(folder / "apiclient_key.pem", _private_pem(key))
    _write(folder / "apiclient_cert.pem", _certificate_pem(certificate))
    _write(folder / "apiv3_key.txt", _new_apiv3_key())


def _new_apiv3_key() -> str:
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(KEY_CHARACTERS))


def _make_platform_certificate(folder: Path, number: int) -> None:
    key = generate_private_key(RSA_EXPONENT, RSA_BITS)
    certificate = _issue(key.public_key(), common_name="Tenpay.com sign (simulated)")
    _write(folder / f"{number:03d}_key.pem", _private_pem(key))
    _write(folder / f"{number:03d}_cert.pem", _certificate_pem(certificate))


def _issue(public_key: RSAPublicKey, *, common_name: str, authority: RSAPrivateKey | None = None) -> x509.Certificate:
    authority = authority or generate_private_key(RSA_EXPONENT, RSA_BITS)
    now = datetime.now(UTC).replace(microsecond=0)
    subject = [
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated merchant system"),
    ]
    issuer = [x509.NameAttribute(NameOID.COMMON_NAME, "Simulated Tenpay.com Root CA")]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(x509.Name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .sign(authority, hashes.SHA256())
    )


def _load(directory: Path) -> Credentials:
    merchant = directory / "merchant"
    certificate = x509.load_pem_x509_certificate((merchant / "apiclient_cert.pem").read_bytes())
    folder = directory / "wechat" / "platform"
    count = len(list(folder.glob("*_cert.pem")))
    return Credentials(
        directory=directory,
        mchid=MCHID,
        merchant_serial=serial_of(certificate),
        merchant_public_key=cast("RSAPublicKey", certificate.public_key()),
        public_key_id=_read(merchant / "pub_key_id.txt"),
        apps=tuple(
            App(
                appid,
                kind,
                appid in BOUND_APPIDS,
                _read(directory / "apps" / f"{appid}.secret.txt"),
            )
            for appid, kind in APP_KINDS.items()
        ),
        platform_certificates=tuple(_load_platform_certificate(folder, number) for number in range(1, count + 1)),
        shared=SharedKeys(_shared(directory, "apiv3_key").encode("ascii"), _shared(directory, "apiv2_key")),
        wechatpay_private_key=_load_key(directory / "wechat" / "wechatpay_key.pem"),
        openid_secret=bytes.fromhex(_read(_marker(directory))),
        service_provider=ServiceProvider(_load_signer(directory / service_provider.FOLDER, service_provider.SP_MCHID)),
        abroad=_load_signer(directory / ABROAD_FOLDER, MCHID_ABROAD),
    )


def _load_signer(folder: Path, mchid: str) -> Signer:
    certificate = x509.load_pem_x509_certificate((folder / "apiclient_cert.pem").read_bytes())
    return Signer(
        mchid,
        serial_of(certificate),
        cast("RSAPublicKey", certificate.public_key()),
        _read(folder / "apiv3_key.txt").encode("ascii"),
    )


def _changed(directory: Path, name: str) -> Path:
    """Where a key lies that was changed in the console after the merchant's files were made."""
    return directory / "wechat" / f"{name}.txt"


def _shared(directory: Path, name: str) -> str:
    changed = _changed(directory, name)
    return _read(changed if changed.exists() else directory / "merchant" / f"{name}.txt")


def _load_platform_certificate(folder: Path, number: int) -> PlatformCertificate:
    pem = (folder / f"{number:03d}_cert.pem").read_text(encoding="ascii")
    certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
    return PlatformCertificate(
        serial=serial_of(certificate),
        pem=pem,
        effective=certificate.not_valid_before_utc,
        expires=certificate.not_valid_after_utc,
        private_key=_load_key(folder / f"{number:03d}_key.pem"),
    )


def _load_key(path: Path) -> RSAPrivateKey:
    return cast("RSAPrivateKey", serialization.load_pem_private_key(path.read_bytes(), None))


def _private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def _public_pem(key: RSAPublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)


def _write_anew(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    _write(beside, text)
    beside.replace(path)

"""What can be told from the settings and their files alone: keys, certificates, and who may read them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from wxbackend.doctor.findings import Finding, failed, ok, warning
from wxbackend.settings import MerchantSettings

APIV3_KEY_BYTES: Final = 32
APIV2_KEY_CHARACTERS: Final = 32
EXPIRY_WARNING_DAYS: Final = 30
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
CONSOLE: Final = "merchant console, Account Centre > API Security (账户中心 > API安全)"


def check_secret_files(files: Iterable[Path]) -> list[Finding]:
    """Whether anybody but the owner can read a secret."""
    open_ones = [file for file in files if _mode(file) & OTHERS]
    if not open_ones:
        return [ok("secret files", "only their owner can read them")]
    return [
        failed("secret files", f"{file} can be read by others (mode {_mode(file) & 0o777:04o})", f"chmod 600 {file}")
        if _mode(file) & (OTHERS_WRITE | stat.S_IRWXO)
        else warning("secret files", f"{file} can be read by its group", f"chmod 600 {file}, unless that is meant")
        for file in open_ones
    ]


def _mode(file: Path) -> int:
    try:
        return os.stat(file).st_mode  # noqa: PTH116 - follows links, as reading does
    except OSError:
        return 0


def check_merchant(merchant: MerchantSettings, *, now_s: int) -> list[Finding]:
    """The keys of one merchant's number."""
    place = f"mchid {merchant.mchid}"
    return [
        _key_pair(f"{place} key pair", merchant),
        *_certificate(f"{place} certificate", merchant.serial_certificate, now_s),
        *(_apiv3_key(f"{place} APIv3 key", key) for key in merchant.apiv3_keys),
        *(
            _apiv2_key(f"{place} APIv2 key", key)
            for key in (merchant.apiv2_key, merchant.apiv2_key_previous)
            if key is not None
        ),
        *(_verification(f"{place} verification", merchant) if merchant.apiv3_keys else []),
        _payment_codes(f"{place} payment codes", merchant),
        *(
            finding
            for pem in merchant.platform_certificates
            for finding in _certificate(f"{place} platform certificate", pem, now_s)
        ),
    ]


def _key_pair(check: str, merchant: MerchantSettings) -> Finding:
    fix = f"use apiclient_cert.pem and apiclient_key.pem from the same download of the certificate tool ({CONSOLE})"
    try:
        key = load_pem_private_key(merchant.private_key, password=None)
        certified = x509.load_pem_x509_certificate(merchant.serial_certificate).public_key()
    except (ValueError, TypeError):
        return failed(check, "private_key_file or certificate_file is not PEM, or is encrypted", fix)
    if not isinstance(key, RSAPrivateKey) or not isinstance(certified, RSAPublicKey):
        return failed(check, "the key or the certificate is not RSA", fix)
    if key.public_key().public_numbers() != certified.public_numbers():
        return failed(check, "private_key_file and certificate_file do not belong together", fix)
    return ok(check, "private key and certificate belong together")


def _certificate(check: str, pem: bytes, now_s: int) -> list[Finding]:
    fix = f"renew it: {CONSOLE}; both certificates work while you change"
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        return [failed(check, "this is not a PEM certificate", "name the file that the console or the tool gave you")]
    until = certificate.not_valid_after_utc
    left_days = (until - datetime.fromtimestamp(now_s, tz=UTC)).days
    if left_days < 0:
        return [failed(check, f"expired on {until:%Y-%m-%d}", fix)]
    if left_days < EXPIRY_WARNING_DAYS:
        return [warning(check, f"expires on {until:%Y-%m-%d}, in {left_days} days", fix)]
    return [ok(check, f"valid until {until:%Y-%m-%d}")]


def _apiv3_key(check: str, key: bytes) -> Finding:
    if len(key) != APIV3_KEY_BYTES:
        return failed(
            check, f"has {len(key)} characters and must have exactly {APIV3_KEY_BYTES}", f"set it again: {CONSOLE}"
        )
    return ok(check, f"has {APIV3_KEY_BYTES} characters")


def _apiv2_key(check: str, key: str) -> Finding:
    if len(key) != APIV2_KEY_CHARACTERS or not (key.isascii() and key.isalnum()):
        return failed(check, f"must have exactly {APIV2_KEY_CHARACTERS} letters and digits", f"set it again: {CONSOLE}")
    return ok(check, f"has {APIV2_KEY_CHARACTERS} letters and digits")


def _payment_codes(check: str, merchant: MerchantSettings) -> Finding:
    """By which version of the API SCAN_CODE is charged, if at all."""
    if merchant.v3_codepay:
        return ok(check, "charged by API v3 (v3_codepay); WeChat must have opened that")
    if merchant.apiv2_key is not None:
        return ok(check, "charged by API v2")
    return ok(check, "not charged; SCAN_CODE needs apiv2_key_file, or v3_codepay = true where WeChat has opened that")


def _verification(check: str, merchant: MerchantSettings) -> list[Finding]:
    """How WeChat's messages are proven: by the public key, by platform certificates, or by both."""
    if merchant.public_key_id is None or merchant.public_key is None:
        if merchant.fetch_certificates or merchant.platform_certificates:
            return [ok(check, "by platform certificates")]
        return [
            failed(
                check,
                "nothing is named that could prove WeChat's messages",
                "set public_key_id and public_key_file, or leave fetch_certificates on",
            )
        ]
    try:
        load_pem_public_key(merchant.public_key)
    except ValueError:
        return [failed(check, "public_key_file is not a PEM public key", f"download pub_key.pem again: {CONSOLE}")]
    # PUB_KEY_ID_01 is followed by the merchant's number (reference: WeChat Pay v3 public keys).
    digits, partner = merchant.public_key_id.rpartition("_")[2], merchant.service_provider
    if not digits[2:].startswith(partner.sp_mchid if partner else merchant.mchid):
        return [
            warning(
                check,
                f"public_key_id does not hold this {'sp_mchid' if partner else 'mchid'}; it may be another merchant's",
                f"compare it with the {CONSOLE}",
            )
        ]
    return [ok(check, "by the WeChat Pay public key")]

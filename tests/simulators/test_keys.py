"""WeChat signs with certificate or public key by mode, and a rotation never leaves a merchant without a known key."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wxbackend.simulators.credentials import Credentials, ensure

from .merchant import MCHID, Merchant
from .test_products import MOBILE_APP

QUERY = f"/v3/pay/transactions/out-trade-no/order_0001?mchid={MCHID}"
PLAIN: dict[str, str | None] = {"Wechatpay-Serial": None}


def test_in_gray_mode_the_request_chooses_the_key(merchant: Merchant) -> None:
    listed = merchant.trust_certificates()
    assert merchant.call("GET", QUERY).serial == merchant.public_key_id
    assert merchant.call("GET", QUERY, headers=PLAIN).serial in listed


def test_in_cert_mode_the_certificate_signs_whatever_was_asked(merchant: Merchant) -> None:
    merchant.desk("POST", "/mode", {"mode": "cert"})
    listed = merchant.trust_certificates()
    assert merchant.call("GET", QUERY).serial in listed


def test_in_pubkey_mode_there_are_no_certificates(merchant: Merchant) -> None:
    merchant.desk("POST", "/mode", {"mode": "pubkey"})
    answer = merchant.call("GET", "/v3/certificates", headers=PLAIN)
    assert (answer.status, answer.body["code"]) == (404, "RESOURCE_NOT_EXISTS")
    assert answer.serial == merchant.public_key_id


def test_certificates_are_sealed_for_this_merchant_alone(merchant: Merchant) -> None:
    body = merchant.call("GET", "/v3/certificates").body
    (item,) = body["data"]
    assert item["encrypt_certificate"]["algorithm"] == "AEAD_AES_256_GCM"
    assert item["encrypt_certificate"]["associated_data"] == "certificate"
    assert len(item["encrypt_certificate"]["nonce"]) == 12
    assert b"BEGIN CERTIFICATE" in merchant.open_sealed(item["encrypt_certificate"])
    assert datetime.fromisoformat(item["effective_time"]) < datetime.now(UTC)
    assert re.fullmatch(r"[0-9A-F]{40}", item["serial_no"])


@pytest.mark.parametrize(("kind", "status"), [("RSA", 200), ("ALL", 200), ("SM2", 404), ("x", 400)])
def test_certificates_are_listed_by_algorithm(merchant: Merchant, kind: str, status: int) -> None:
    assert merchant.call("GET", f"/v3/certificates?algorithm_type={kind}").status == status


def test_a_rotation_lists_both_before_the_new_one_signs(merchant: Merchant) -> None:
    (old,) = merchant.trust_certificates()
    merchant.desk("POST", "/certificates/rotate", {"step": "publish"})
    both = merchant.trust_certificates()
    assert old in both
    assert len(both) == 2
    assert merchant.call("GET", QUERY, headers=PLAIN).serial == old
    merchant.desk("POST", "/certificates/rotate", {"step": "use"})
    new = merchant.call("GET", QUERY, headers=PLAIN).serial
    assert new != old
    merchant.desk("POST", "/certificates/rotate", {"step": "retire"})
    assert merchant.trust_certificates() == [new]


def test_a_restart_keeps_keys_and_openids(tmp_path: Path) -> None:
    first, second = ensure(tmp_path / "kept"), ensure(tmp_path / "kept")
    assert first.merchant_serial == second.merchant_serial
    assert first.apiv3_key == second.apiv3_key
    assert first.openid_secret == second.openid_secret
    assert [app.secret for app in first.apps] == [app.secret for app in second.apps]
    assert first.platform_certificates[0].serial == second.platform_certificates[0].serial


def test_secrets_are_readable_by_their_owner_alone(credentials: Credentials) -> None:
    modes = {
        path.is_dir(): stat.S_IMODE(path.stat().st_mode)
        for path in [credentials.directory, *credentials.directory.rglob("*")]
    }
    assert modes == {True: 0o700, False: 0o600}


def test_secrets_do_not_show_when_credentials_are_printed(credentials: Credentials) -> None:
    shown = repr(credentials)
    assert credentials.apiv3_key.decode() not in shown
    assert all(app.secret not in shown for app in credentials.apps)


def test_somebody_elses_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "merchant").mkdir()
    (tmp_path / "merchant" / "apiclient_key.pem").write_text("mine")
    with pytest.raises(ValueError, match="did not finish writing"):
        ensure(tmp_path)
    assert (tmp_path / "merchant" / "apiclient_key.pem").read_text() == "mine"


def test_a_directory_of_an_earlier_version_gets_the_secrets_it_lacks(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    lost = tmp_path / "apps" / f"{MOBILE_APP}.secret.txt"
    lost.unlink()
    again = ensure(tmp_path)
    assert [app.appid for app in again.apps] == [app.appid for app in made.apps]
    kept = {app.appid: app.secret for app in made.apps if app.appid != MOBILE_APP}
    assert {app.appid: app.secret for app in again.apps if app.appid != MOBILE_APP} == kept
    assert stat.S_IMODE(lost.stat().st_mode) == 0o600

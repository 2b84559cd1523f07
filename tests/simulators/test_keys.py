"""WeChat signs with certificate or public key by mode, and a rotation never leaves a merchant without a known key."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from wxbackend.simulators.app import create_app
from wxbackend.simulators.credentials import Credentials, ensure
from wxbackend.simulators.world import World

from .merchant import MCHID, Files, Merchant
from .receiver import Receiver
from .test_notices import pay
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


def test_the_share_of_the_public_key_goes_in_tenths_of_a_percent_and_is_the_same_again_by_its_seed(
    credentials: Credentials,
) -> None:
    keys = World(credentials).keys

    def drawn(percent: float, seed: int) -> list[bool]:
        keys.set_mode("gray", percent, seed=seed)
        return [keys.for_notice().serial == credentials.public_key_id for _ in range(20_000)]

    assert drawn(0.1, 7) == drawn(0.1, 7) != drawn(0.1, 8)
    assert 5 <= sum(drawn(0.1, 7)) <= 45
    assert 9_500 <= sum(drawn(50, 7)) <= 10_500
    assert (sum(drawn(0, 7)), sum(drawn(100, 7))) == (0, 20_000)
    assert keys.view()["pubkey_percent"] == 100


@pytest.mark.parametrize("percent", [-1, 100.1, 0.05, "50", True])
def test_a_share_that_is_none_is_refused_and_changes_nothing(merchant: Merchant, percent: object) -> None:
    before = merchant.desk("GET", "/world")["keys"]
    answer = merchant.client.post("/_desk/mode", json={"mode": "cert", "pubkey_percent": percent})
    assert (answer.status_code, "pubkey_percent" in answer.get_json()["error"]) == (400, True)
    assert merchant.desk("GET", "/world")["keys"] == before


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Merchant]:
    """A merchant with keys of its own, which the test may change."""
    world = World(ensure(tmp_path))
    world.start()
    app = create_app(world)
    app.testing = True
    yield Merchant(Files(tmp_path), app.test_client())
    world.stop()


def test_a_changed_apiv3_key_counts_at_once_and_what_is_under_way_keeps_the_old_one(
    own: Merchant, receiver: Receiver, tmp_path: Path
) -> None:
    own.desk("POST", "/mischief", {"notices": {"hold": {"times": 1}}})
    pay(own, receiver)
    old, own.apiv3_key = own.apiv3_key, b"N" * 32
    assert own.desk("POST", "/keys", {"apiv3_key": "N" * 32}) == {"changed": ["apiv3_key"]}
    assert len(own.trust_certificates()) == 1
    pay(own, receiver, "order_0002")
    (held,) = [item["id"] for item in own.desk("GET", "/notices")["notices"] if item["state"] == "held"]
    own.desk("POST", f"/notices/{held}/release")
    assert own.desk("GET", "/notices?wait_s=20")["settled"]
    told = {json.loads(one.body)["id"]: json.loads(one.body)["resource"] for one in receiver.received}
    with pytest.raises(InvalidTag):
        own.open_sealed(told[held])
    own.apiv3_key = old
    assert b"order_0001" in own.open_sealed(told.pop(held))
    own.apiv3_key = b"N" * 32
    assert [b"order_0002" in own.open_sealed(sealed) for sealed in told.values()] == [True]
    assert (tmp_path / "merchant" / "apiv3_key.txt").read_bytes() == old
    again = ensure(tmp_path)
    assert again.apiv3_key == b"N" * 32
    assert stat.S_IMODE((tmp_path / "wechat" / "apiv3_key.txt").stat().st_mode) == 0o600


@pytest.mark.parametrize("wish", [{"apiv3_key": "short"}, {"apiv2_key": "!" * 32}, {"apiv3_key": 1}, {"key": "N" * 32}])
def test_a_key_that_the_console_would_not_take_changes_nothing(
    own: Merchant, tmp_path: Path, wish: dict[str, object]
) -> None:
    whole = {"apiv2_key": "A" * 32, **wish}
    assert own.client.post("/_desk/keys", json=whole).status_code == 400
    assert len(own.trust_certificates()) == 1
    assert not (tmp_path / "wechat" / "apiv2_key.txt").exists()

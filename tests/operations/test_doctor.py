"""The doctor: a healthy installation passes, and each ailment is named with its cure and an exit status."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.operations.tool import run
from tests.support.stack import MCHID, MINI_PROGRAM, MOBILE_APP, OFFICIAL_ACCOUNT, RunningStack
from wxbackend.development import CONFIG
from wxbackend.doctor.findings import Verdict
from wxbackend.doctor.wechat import judge_clock

NOW_S: Final = 1_795_000_000
SEVERITY: Final = ("ok", "warning", "failed")


class Clinic:
    """An installation of its own beside the shared stack: the same WeChat, other settings and files."""

    def __init__(self, stack: RunningStack, folder: Path) -> None:
        self.stack = stack
        self.state = folder / "state"
        names = shutil.ignore_patterns("*.db*", "*.log")
        shutil.copytree(stack.stack.state, self.state, ignore=names, copy_function=shutil.copy2)
        self.settings = folder / "settings.toml"
        self.settings.write_text(CONFIG.read_text(encoding="utf-8"), encoding="utf-8")
        assert run(stack, "migrate", **self.environment()).status == 0

    def environment(self) -> dict[str, str]:
        """Ours instead of the stack's."""
        return {"WXBACKEND_STATE_DIR": str(self.state), "WXBACKEND_CONFIG": str(self.settings)}

    @property
    def merchant(self) -> Path:
        """The folder with the merchant's keys."""
        return self.state / "wechat" / "merchant"

    def change(self, old: str, new: str) -> None:
        """Change the settings."""
        text = self.settings.read_text(encoding="utf-8")
        assert old in text
        self.settings.write_text(text.replace(old, new), encoding="utf-8")

    def examine(self, *words: str, **changes: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit status, and the worst finding of each check."""
        ran = run(self.stack, "doctor", "--json", *words, **(self.environment() | changes))
        assert "Traceback" not in ran.err
        found: dict[str, dict[str, Any]] = {}
        for finding in orjson.loads(ran.out)["findings"]:
            known = found.setdefault(finding["check"], finding)
            if SEVERITY.index(finding["verdict"]) > SEVERITY.index(known["verdict"]):
                found[finding["check"]] = finding
        return ran.status, found

    def fails(self, check: str, said: str, *words: str, **changes: str) -> None:
        """The doctor finds it, says how to mend it, and exits with 1."""
        status, found = self.examine(*words, **changes)
        assert (status, found[check]["verdict"]) == (1, "failed"), found
        assert said in found[check]["message"]
        assert found[check]["fix"]


@pytest.fixture
def clinic(stack: RunningStack, tmp_path: Path) -> Iterator[Clinic]:
    yield Clinic(stack, tmp_path)
    stack.behave()


def test_a_healthy_installation_passes(clinic: Clinic) -> None:
    before = clinic.stack.desk("GET", "/books")["orders"]
    status, found = clinic.examine()
    assert status == 0
    troubles = {check: finding for check, finding in found.items() if finding["verdict"] != "ok"}
    # Test mode on one laptop: the simulator reaches an address that the real WeChat could not.
    assert set(troubles) == {f"mchid {MCHID} notify URL"}
    assert "is not https" in troubles[f"mchid {MCHID} notify URL"]["message"]
    assert f"mchid {MCHID} signature" in found
    assert found[f"app {OFFICIAL_ACCOUNT} with mchid {MCHID}"]["message"].startswith("bound")
    # Only a mobile app's order can't name a payer who does not exist: it was made, and closed again at once.
    (made,) = clinic.stack.desk("GET", "/orders")["orders"][: clinic.stack.desk("GET", "/books")["orders"] - before]
    assert (made["appid"], made["trade_state"]) == (MOBILE_APP, "CLOSED")


def test_it_speaks_in_lines_to_people(clinic: Clinic) -> None:
    ran = run(clinic.stack, "doctor", "--offline", **clinic.environment())
    assert ran.status == 0
    assert f"ok       mchid {MCHID} key pair: private key and certificate belong together" in ran.out.splitlines()


def test_no_key_of_ours_is_printed(clinic: Clinic) -> None:
    ran = run(clinic.stack, "doctor", **clinic.environment())
    for file in [*clinic.merchant.iterdir(), *(clinic.state / "keys").iterdir()]:
        for line in file.read_text(encoding="ascii").splitlines():
            if len(line) >= 24 and not line.startswith("-----"):
                assert line not in ran.out + ran.err


def test_settings_that_cannot_be_read_are_the_only_finding(clinic: Clinic) -> None:
    clinic.change("[server]", "[server]\nport = 1\n")
    clinic.fails("settings", "server.port", "--offline")


def test_a_secret_that_others_can_read(clinic: Clinic) -> None:
    (clinic.merchant / "apiclient_key.pem").chmod(0o644)
    clinic.fails("secret files", "apiclient_key.pem can be read by others (mode 0644)", "--offline")


def test_a_private_key_of_another_certificate(clinic: Clinic) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (clinic.merchant / "apiclient_key.pem").write_bytes(pem)
    clinic.fails(f"mchid {MCHID} key pair", "do not belong together")


@pytest.mark.parametrize("length", [31, 33, 64])
def test_an_apiv3_key_of_the_wrong_length(clinic: Clinic, length: int) -> None:
    (clinic.merchant / "apiv3_key.txt").write_text("k" * length, encoding="ascii")
    clinic.fails(f"mchid {MCHID} APIv3 key", f"has {length} characters", "--offline")


def test_an_apiv3_key_that_does_not_decrypt(clinic: Clinic) -> None:
    (clinic.merchant / "apiv3_key.txt").write_text(secrets.token_hex(16), encoding="ascii")
    status, found = clinic.examine()
    assert status == 0
    assert found[f"mchid {MCHID} platform certificates"]["verdict"] == "warning"


def test_a_public_key_id_of_another_merchant(clinic: Clinic) -> None:
    clinic.change("PUB_KEY_ID_0119000001092026112200000000000001", "PUB_KEY_ID_0114232134912410000000000000")
    _, found = clinic.examine("--offline")
    assert found[f"mchid {MCHID} verification"]["verdict"] == "warning"


def test_a_database_without_the_present_schema(clinic: Clinic) -> None:
    for file in clinic.state.glob("wxbackend.db*"):
        file.unlink()
    clinic.fails("database", "schema")
    assert run(clinic.stack, "migrate", **clinic.environment()).status == 0
    assert clinic.examine("--offline")[0] == 0


def test_a_wechat_that_cannot_be_reached(clinic: Clinic) -> None:
    clinic.fails(f"mchid {MCHID} reach", "cannot be reached", WXBACKEND_SIMULATOR_PORT="9")


def test_a_public_key_that_is_not_wechats(clinic: Clinic) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (clinic.merchant / "pub_key.pem").write_bytes(pem)
    clinic.fails(f"mchid {MCHID} signature", "is not proven")


def test_an_appid_that_is_not_bound_to_the_mchid(clinic: Clinic) -> None:
    clinic.change(f'appid = "{OFFICIAL_ACCOUNT}"', 'appid = "wx0000000000000000"')
    clinic.fails(f"app wx0000000000000000 with mchid {MCHID}", "WeChat refused")


def test_a_mini_program_whose_money_wechat_holds_and_nobody_ships(clinic: Clinic) -> None:
    clinic.change('order_shipping = "by_hand"', "")
    clinic.fails(f"app {MINI_PROGRAM} shipping", "WeChat holds this mini program's money")


def test_a_platform_that_cannot_be_asked_about_shipping(clinic: Clinic) -> None:
    (clinic.state / "wechat" / "apps" / f"{MINI_PROGRAM}.secret.txt").write_text("0" * 32, encoding="ascii")
    status, found = clinic.examine()
    assert (status, found[f"app {MINI_PROGRAM} shipping"]["verdict"]) == (0, "warning")
    assert "secret" in found[f"app {MINI_PROGRAM} shipping"]["fix"]


def test_a_merchant_number_without_auto_debit_and_one_that_may_not_use_it(clinic: Clinic) -> None:
    check = f"mchid {MCHID} auto-debit"
    clinic.stack.mischief(api=[{"fault": "error_500_before", "path": "contract_query", "times": None}])
    clinic.fails(check, "not answered as it should be")
    clinic.stack.behave()
    assert clinic.examine()[1][check]["verdict"] == "ok"
    clinic.change("[accounts.merchants.auto_debit]\nplan_id = 100001\n", "")
    _, found = clinic.examine()
    assert (found[check]["verdict"], "auto_debit.plan_id" in found[check]["message"]) == ("ok", True)


def test_an_address_where_something_else_answers(clinic: Clinic) -> None:
    elsewhere = clinic.stack.simulator_url
    clinic.fails(f"mchid {MCHID} notify URL", "instead of 401", WXBACKEND__SERVER__PUBLIC_URL=elsewhere)


def test_live_money_wants_an_address_that_wechat_can_reach(clinic: Clinic) -> None:
    clinic.change('mode = "test"', 'mode = "live"')
    for file in (clinic.state / "keys").glob("*_key.txt"):
        file.write_text(file.read_text(encoding="ascii").replace("_test_", "_live_"), encoding="ascii")
    status, found = clinic.examine()
    assert status == 1
    assert "test_bridge_url" in found["settings"]["message"]
    assert found[f"mchid {MCHID} signature"]["verdict"] == "ok"
    ran = run(clinic.stack, "doctor", **clinic.environment())
    assert f"failed   mchid {MCHID} notify URL: {clinic.stack.web_url} is not https" in ran.out


def test_a_merchant_on_api_v2_is_examined_as_one(clinic: Clinic) -> None:
    status, found = clinic.examine(WXBACKEND_API_VERSION="v2")
    assert status == 0
    for check in ("APIv2 key", "signature", "clock", "notify URL"):
        assert found[f"mchid {MCHID} {check}"]["verdict"] in ("ok", "warning")
    assert found[f"app {OFFICIAL_ACCOUNT} with mchid {MCHID}"]["message"].startswith("bound")
    (clinic.merchant / "apiv2_key.txt").write_text(secrets.token_hex(16), encoding="ascii")
    status, found = clinic.examine(WXBACKEND_API_VERSION="v2")
    assert (status, found[f"mchid {MCHID} signature"]["verdict"]) == (1, "failed")
    assert "apiv2_key_file" in found[f"mchid {MCHID} signature"]["fix"]
    clinic.fails(f"mchid {MCHID} payment codes signature", "签名错误")
    (clinic.merchant / "apiv2_key.txt").write_text("short", encoding="ascii")
    clinic.fails(f"mchid {MCHID} APIv2 key", "32 letters and digits", "--offline")


@pytest.mark.parametrize("counts", ["apiv2_key_file", "apiv2_key_previous_file"])
def test_a_merchant_who_changes_the_apiv2_key_is_well_before_and_after(clinic: Clinic, counts: str) -> None:
    present, another = clinic.merchant / "apiv2_key.txt", clinic.merchant / "another.txt"
    another.write_text(secrets.token_hex(16), encoding="ascii")
    another.chmod(0o600)
    files = {"apiv2_key_file": another, "apiv2_key_previous_file": another, counts: present}
    line = 'apiv2_key_file = "${WXBACKEND_STATE_DIR:-../var/development}/wechat/merchant/apiv2_key.txt"'
    clinic.change(line, "\n".join(f'{name} = "{file}"' for name, file in files.items()))
    status, found = clinic.examine(WXBACKEND_API_VERSION="v2")
    assert (status, found[f"mchid {MCHID} signature"]["verdict"]) == (0, "ok")


@pytest.mark.parametrize(
    ("ours_ahead_s", "verdict"),
    [
        (0, Verdict.OK), (59, Verdict.OK), (-59, Verdict.OK), (60, Verdict.WARNING), (-299, Verdict.WARNING),
        (300, Verdict.FAILED), (-300, Verdict.FAILED), (86_400, Verdict.FAILED),
    ],
)  # fmt: skip
def test_a_clock_is_judged_by_wechats_date(ours_ahead_s: int, verdict: Verdict) -> None:
    date = format_datetime(datetime.fromtimestamp(NOW_S - ours_ahead_s, tz=UTC), usegmt=True)
    found = judge_clock("clock", date, now_s=NOW_S)
    assert found.verdict is verdict
    assert ("behind" in found.message) == (ours_ahead_s < 0)


def test_an_answer_without_a_date_judges_no_clock() -> None:
    for date in ("", "yesterday"):
        assert judge_clock("clock", date, now_s=int(time.time())).verdict is Verdict.WARNING

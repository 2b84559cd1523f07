"""From platform certificates to the WeChat Pay public key in WeChat's seven days, and not one payment is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.journeys.changing_keys import MERCHANT, deliver, notices, paid_once, settings, tries_of
from tests.support.house import House, house
from wxbackend.work.certificates import Schedule

PUBLIC_KEY_ID: Final = "PUB_KEY_ID_0119000001092026112200000000000001"
SEVEN_DAYS: Final = (0.1, 1, 5, 10, 20, 50, 100)
SALES: Final = 12
SEED: Final = 11
FETCHED_HOURLY_S: Final = 3_600


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[House]:
    """A house of the test's own, in front of a WeChat that signs by certificate alone."""
    with house(tmp_path / "house") as made:
        made.side.desk("POST", "/mode", {"mode": "cert"})
        yield made


def serials(shop: House) -> set[str]:
    """The keys under which WeChat's notices came and were taken."""
    return {one["serial"] for notice in notices(shop) for one in notice["deliveries"] if one["status"] == 204}


def certificate_requests(shop: House) -> int:
    """How often WeChat was asked for certificates."""
    seen = shop.side.desk("GET", "/requests?limit=5000")["requests"]
    return sum("/v3/certificates" in one["path"] for one in seen)


def test_the_seven_days_of_the_shift_lose_nothing_and_need_one_change_of_the_settings(
    shop: House, tmp_path: Path
) -> None:
    shop.open(**settings(tmp_path, public_key_id=None, public_key_file=None))
    certificate = shop.side.desk("GET", "/world")["keys"]["signing_serial"]
    sold = [shop.paid()]
    waiting = shop.confirmed()
    shop.open()  # both are named, and WeChat does not know of it yet: it signs by certificate whatever is asked
    sold.append(shop.paid())
    assert serials(shop) == {certificate}
    for day, percent in enumerate(SEVEN_DAYS):
        shop.side.desk("POST", "/mode", {"mode": "gray", "pubkey_percent": percent, "seed": SEED + day})
        sold += [shop.paid("mini_program"), shop.paid()]
    assert serials(shop) == {certificate, PUBLIC_KEY_ID}
    shop.side.desk("POST", "/mode", {"mode": "pubkey"})
    shop.pay(waiting)
    sold += [shop.until(lambda: found if (found := shop.intent(waiting))["status"] == "succeeded" else None)]
    shop.open(**settings(tmp_path, fetch_certificates="false"))
    sold.append(shop.paid())
    assert all(one["deliveries"][-1]["status"] == 204 and one["attempts"] == 1 for one in notices(shop))
    paid_once(shop, *sold)


def test_key_shift_at_50_percent_with_probes_lies_and_a_rotation_in_the_middle(shop: House) -> None:
    shop.open()
    schedule, deps = Schedule(every_s=FETCHED_HOURLY_S), shop.assembled.deps
    schedule.tick(deps)
    asked = certificate_requests(shop)
    shop.side.desk("POST", "/mode", {"mode": "gray", "pubkey_percent": 50, "seed": SEED})
    sold = [shop.confirmed() for _ in range(SALES)]
    knobs = {name: {"times": 2} for name in ("probe", "unknown_serial", "tamper")} | {"stale_s": {"times": 1}}
    shop.side.desk("POST", "/mischief", {"notices": knobs | {"duplicate": {"times": 2, "copies": 3}}})
    for intent in sold[: SALES // 2]:
        shop.pay(intent)
    refuses_lies(shop, sold[-1])
    rotated = shop.side.desk("POST", "/certificates/rotate", {"step": "rotate"})["signing_serial"]
    for intent in sold[SALES // 2 :]:
        shop.pay(intent)
    answers = [one["status"] for notice in notices(shop) for one in notice["deliveries"]]
    assert 401 in answers  # what was probed, lied about, or signed by a certificate that nobody here held yet
    deliver(shop, schedule)
    assert {rotated, PUBLIC_KEY_ID} <= serials(shop)
    paid_once(shop, *sold)
    assert certificate_requests(shop) == asked + 1


def refuses_lies(shop: House, unpaid: dict[str, Any]) -> None:
    """Whatever does not verify is answered 401 and moves nothing."""
    url = f"{shop.stack.web_url}/notices/wechat_v3/{MERCHANT}"
    (attempt,) = [row for row in shop.rows("SELECT * FROM attempts") if str(row["intent_id"]) == unpaid["id"][3:]]
    notices(shop)
    before = shop.money()
    told: dict[str, Any] = {"url": url, "out_trade_no": attempt["out_trade_no"]}
    for key in ("cert", "pubkey"):
        for sign in ("none", "wrong_key", "probe", "unknown_serial"):
            assert shop.side.desk("POST", "/notices/forge", {**told, "key": key, "sign": sign})["status"] == 401
        for lie in ({"tamper": True}, {"timestamp_offset_s": -301}, {"encrypt": "wrong_key"}):
            assert shop.side.desk("POST", "/notices/forge", {**told, "key": key, **lie})["status"] == 401
    assert shop.money() == before


def test_every_request_names_the_public_key_once_it_is_known_and_nothing_before(shop: House, tmp_path: Path) -> None:
    for environment, named in (
        (settings(tmp_path, public_key_id=None, public_key_file=None), None),
        ({}, PUBLIC_KEY_ID),
        (settings(tmp_path, fetch_certificates="false"), PUBLIC_KEY_ID),
    ):
        shop.open(**environment)
        provider = shop.assembled.deps.providers.of("wechat_v3", MERCHANT)
        assert provider is not None
        attempt = shop.side.attempt()
        for call in (provider.order, provider.query, provider.close):
            assert call(attempt).headers.get("Wechatpay-Serial") == named


def test_the_shift_may_be_called_off_on_any_day(shop: House, tmp_path: Path) -> None:
    shop.open()
    shop.side.desk("POST", "/mode", {"mode": "gray", "pubkey_percent": 100, "seed": SEED})
    during, open_order = shop.paid(), shop.confirmed()
    shop.side.desk("POST", "/mode", {"mode": "cert"})
    after = shop.paid()
    shop.open(**settings(tmp_path, public_key_id=None, public_key_file=None))
    shop.pay(open_order)
    shop.until(lambda: shop.intent(open_order)["status"] == "succeeded")
    paid_once(shop, during, after, shop.paid(), open_order)


def test_a_merchant_who_forgot_the_public_key_is_paid_by_our_own_query_until_it_is_named(
    shop: House, tmp_path: Path
) -> None:
    shop.open(**settings(tmp_path, public_key_id=None, public_key_file=None))
    shop.side.desk("POST", "/mode", {"mode": "gray", "pubkey_percent": 100})
    found, waits = shop.confirmed(), shop.confirmed()
    shop.pay(found)
    shop.until(lambda: shop.intent(found)["status"] == "succeeded", working=True)
    assert tries_of(shop, found) == [401]
    shop.pay(waits)
    shop.open()
    deliver(shop)
    shop.until(lambda: shop.intent(waits)["status"] == "succeeded")
    assert tries_of(shop, waits)[-1] == 204
    paid_once(shop, found, waits)

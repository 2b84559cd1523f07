"""The keys that a merchant shares with WeChat are changed while it sells: in the order of our docs, and not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.journeys.changing_keys import attempts_of, deliver, key_file, notices, paid_once, settings, tries_of
from tests.support.house import House, house
from wxbackend.flows.fetch_certificates import fetch_certificates

NEW: Final = "NewKey00NewKey00NewKey00NewKey00"
V2: Final = {"WXBACKEND_API_VERSION": "v2"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[House]:
    """A house of the test's own; refunds stay open until they are told to end."""
    with house(tmp_path / "house") as made:
        made.side.desk("POST", "/refunds/rules", {"settle_after_s": None, "min_spacing_s": 0})
        yield made


def old_key(shop: House, name: str) -> str:
    """The file with the key that counts at first, as it stands in the settings."""
    return f'"{shop.side.directory / "merchant" / name}"'


def hold_the_next_notice(shop: House) -> None:
    """It stays under way."""
    shop.side.desk("POST", "/mischief", {"notices": {"hold": {"times": 1}}})


def release(shop: House) -> None:
    """What is held goes on its way."""
    held = [one["id"] for one in notices(shop) if one["state"] == "held"]
    assert held
    for notice_id in held:
        assert shop.side.desk("POST", f"/notices/{notice_id}/release")["settled"]


def orders_sent(shop: House) -> list[str]:
    """What became of each order that we sent by API v2, oldest first."""
    seen = shop.side.desk("GET", "/requests?limit=5000")["requests"]
    return [one["verdict"] for one in reversed(seen) if one["path"] == "/pay/unifiedorder"]


def certificates_are_read(shop: House) -> bool:
    """Whether what WeChat seals now opens under a key that we hold."""
    deps = shop.assembled.deps
    return all(fetch_certificates(deps, *each) for each in deps.providers.certificate_sources())


def test_the_apiv3_key_changes_in_three_steps_and_no_notice_is_refused(shop: House, tmp_path: Path) -> None:
    shop.open()
    hold_the_next_notice(shop)
    under_way = shop.confirmed()
    shop.pay(under_way)
    new, old = key_file(tmp_path, NEW), old_key(shop, "apiv3_key.txt")
    shop.open(**settings(tmp_path, apiv3_key_file=new, apiv3_key_previous_file=old))
    before = shop.paid()
    shop.side.desk("POST", "/keys", {"apiv3_key": NEW})
    after = shop.paid("mini_program")
    release(shop)
    shop.until(lambda: shop.intent(under_way)["status"] == "succeeded")
    assert certificates_are_read(shop)
    shop.open(**settings(tmp_path, apiv3_key_file=new))
    last = shop.paid()
    assert [tries_of(shop, intent) for intent in (under_way, before, after, last)] == [[204]] * 4
    paid_once(shop, under_way, before, after, last)


def test_an_apiv3_key_changed_at_wechat_first_delays_notices_and_loses_none(shop: House, tmp_path: Path) -> None:
    shop.open()
    found, told_again = shop.confirmed(), shop.confirmed()
    shop.side.desk("POST", "/keys", {"apiv3_key": NEW})
    shop.pay(found)
    shop.until(lambda: shop.intent(found)["status"] == "succeeded", working=True)
    shop.pay(told_again)
    assert [tries_of(shop, found), tries_of(shop, told_again)] == [[401], [401]]
    assert shop.intent(told_again)["status"] == "requires_action"
    assert not certificates_are_read(shop)
    old = old_key(shop, "apiv3_key.txt")
    shop.open(**settings(tmp_path, apiv3_key_file=key_file(tmp_path, NEW), apiv3_key_previous_file=old))
    deliver(shop)
    assert [tries_of(shop, found)[-1], tries_of(shop, told_again)[-1]] == [204, 204]
    paid_once(shop, found, told_again)


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_the_apiv2_key_changes_in_three_steps_and_nothing_is_refused_for_good(
    shop: House, tmp_path: Path, sign_type: str
) -> None:
    chosen = {**V2, "WXBACKEND_SIGN_TYPE": sign_type}
    shop.open(**chosen)
    hold_the_next_notice(shop)
    under_way = shop.confirmed()
    shop.pay(under_way)
    new, old = key_file(tmp_path, NEW), old_key(shop, "apiv2_key.txt")
    shop.open(**chosen, **settings(tmp_path, apiv2_key_file=new, apiv2_key_previous_file=old))
    before = shop.paid()
    shop.side.desk("POST", "/keys", {"apiv2_key": NEW})
    asked = len(orders_sent(shop))
    first = shop.confirmed()  # refused under the old key, and sent again at once, with the same number, under the new
    assert orders_sent(shop)[asked:] == ["SIGNERROR", "ok"]
    shop.pay(first)
    shop.until(lambda: shop.intent(first)["status"] == "succeeded")
    after = shop.paid()
    release(shop)
    shop.until(lambda: shop.intent(under_way)["status"] == "succeeded")
    refund = shop.refund(before, amount=500)
    number = refund["id"].removeprefix("re_")
    assert shop.side.desk("POST", f"/refunds/{number}/settle", {"outcome": "SUCCESS"})["status"] == "SUCCESS"
    shop.until(lambda: shop.api("GET", f"/v1/refunds/{refund['id']}")["status"] == "succeeded", working=True)
    shop.open(**chosen, **settings(tmp_path, apiv2_key_file=new))
    last = shop.paid()
    assert [tries_of(shop, one)[0] for one in (under_way, before, first, after, last)] == [200] * 5
    paid_once(shop, under_way, before, first, after, last)
    assert {row["provider"] for one in (first, last) for row in attempts_of(shop, one)} == {"wechat_v2"}


def test_an_apiv2_key_that_wechat_does_not_know_declines_orders_as_ever(shop: House, tmp_path: Path) -> None:
    old = key_file(tmp_path, "OldKey00OldKey00OldKey00OldKey00")
    shop.open(**V2, **settings(tmp_path, apiv2_key_file=key_file(tmp_path, NEW), apiv2_key_previous_file=old))
    unclear, declined = shop.confirmed(), shop.confirmed()
    assert "last_payment_error" not in unclear
    assert declined["last_payment_error"]["decline_code"] == "configuration_error"
    assert shop.side.desk("GET", "/books")["orders"] == 0

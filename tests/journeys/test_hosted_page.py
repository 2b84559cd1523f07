"""A buyer is sent to our page by the shop, logs in, pays in the cashier, and is back in the shop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.support.stack import RunningStack

from .buying import WAIT_MS, open_chromium


@pytest.fixture
def desktop() -> Iterator[BrowserContext]:
    with open_chromium() as browser:
        yield browser.new_context(locale="zh-CN", viewport={"width": 1180, "height": 900})


def test_sent_to_the_page_logged_in_paid_and_sent_back(stack: RunningStack, desktop: BrowserContext) -> None:
    back = f"{stack.simulator_url}/phone"
    options = {"wechat_pay": {"terminal_type": "official_account", "hosted_oauth": True}}
    intent = stack.create_intent(amount=880, confirm=True, return_url=back, payment_method_options=options)
    page = desktop.new_page()
    page.goto(intent["next_action"]["redirect_to_url"]["url"])
    page.get_by_role("button", name="支付 ¥8.80", exact=True).click()
    cashier = page.frame_locator("iframe")
    expect(cashier.locator(".amount")).to_have_text("¥8.80", timeout=WAIT_MS)
    assert stack.intent(intent["id"])["status"] == "requires_action"
    cashier.locator("[data-act=fill]").click()
    cashier.locator("[data-act=pay]").click()
    cashier.locator("[data-act=done]").click()
    page.wait_for_url(back, timeout=WAIT_MS)
    assert stack.intent(intent["id"])["status"] == "succeeded"

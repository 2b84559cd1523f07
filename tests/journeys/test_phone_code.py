"""The payment code on the simulator's telephone in a real Chromium: a shop takes it, and a person types the PIN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.stack import RunningStack

from .buying import WAIT_MS, open_chromium


@pytest.fixture
def telephone(stack: RunningStack) -> Iterator[Page]:
    """The telephone with the page of the payment code open."""
    with open_chromium() as browser:
        page = browser.new_page(locale="zh-CN", viewport={"width": 1180, "height": 920})
        page.goto(f"{stack.simulator_url}/phone")
        expect(page.locator("#buyer")).to_have_value("buyer_1", timeout=WAIT_MS)
        page.locator("#tab-code").click()
        yield page
    stack.desk("POST", "/payment_codes/rules", {"pin_above": 100_000})


def shown(telephone: Page) -> str:
    """The digits that the telephone shows."""
    digits = telephone.locator("#code .digits")
    expect(digits).to_be_visible(timeout=WAIT_MS)
    code = str(digits.get_attribute("data-code"))
    assert digits.inner_text().replace(" ", "") == code
    return code


def renewed(telephone: Page) -> str:
    """Another code, when the telephone was told to show one."""
    before = shown(telephone)
    telephone.locator("#new-code").click()
    expect(telephone.locator(f"[data-code='{before}']")).to_have_count(0, timeout=WAIT_MS)
    return shown(telephone)


def scan(stack: RunningStack, code: str, amount: int) -> dict[str, Any]:
    """The shop charges the code."""
    return stack.create_intent(
        amount=amount,
        confirm=True,
        payment_method_data={"type": "wechat_pay", "wechat_pay": {"payment_code": code}},
        payment_method_options={"wechat_pay": {"terminal_type": "SCAN_CODE"}},
    )


def test_a_code_is_shown_renewed_and_charged_and_a_large_amount_asks_for_the_pin(
    stack: RunningStack, telephone: Page
) -> None:
    assert scan(stack, renewed(telephone), 100)["status"] == "succeeded"
    stack.desk("POST", "/payment_codes/rules", {"pin_above": 100})
    intent = scan(stack, renewed(telephone), 660)
    assert intent["status"] == "requires_action"
    expect(telephone.locator("#cashier .amount")).to_have_text("¥6.60", timeout=WAIT_MS)
    telephone.keyboard.type("111111")
    telephone.locator("[data-act=pay]").click()
    expect(telephone.get_by_role("alert")).to_contain_text("支付密码错误", timeout=WAIT_MS)
    telephone.keyboard.type("123456")
    telephone.locator("[data-act=pay]").click()
    expect(telephone.get_by_role("dialog")).to_contain_text("支付成功", timeout=WAIT_MS)
    telephone.keyboard.press("Enter")
    stack.wait_status(intent["id"], "succeeded")

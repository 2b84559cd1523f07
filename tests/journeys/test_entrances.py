"""People outside a page in WeChat: one scans a code with the telephone, one pays from a browser, one from an app."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.stack import RunningStack, running

from .buying import WAIT_MS, WECHAT_AGENT, open_chromium

PAID = "支付成功"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def desktop(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1180, "height": 920})
    yield context
    context.close()


@pytest.fixture(scope="module", params=["v3", "v2"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack whose orders are made by one version of the API or by the other."""
    if request.param == "v3":
        yield request.getfixturevalue("shared_stack")
    else:
        yield from running(tmp_path_factory.mktemp("v2"), WXBACKEND_API_VERSION="v2")


def enter_password(page: Page) -> None:
    expect(page.locator(".keypad")).to_be_visible(timeout=WAIT_MS)
    page.keyboard.type("123456")
    page.locator("[data-act=pay]").click()
    expect(page.get_by_role("dialog")).to_contain_text(PAID, timeout=WAIT_MS)
    page.locator("[data-act=done]").click()


def telephone(stack: RunningStack, desktop: BrowserContext, tab: str) -> Page:
    page = desktop.new_page()
    page.goto(f"{stack.simulator_url}/phone")
    expect(page.locator("#buyer")).to_have_value("buyer_1", timeout=WAIT_MS)
    page.locator(tab).click()
    return page


def test_a_code_is_pasted_scanned_and_paid(either: RunningStack, desktop: BrowserContext) -> None:
    options = {"wechat_pay": {"terminal_type": "WEB"}}
    intent = either.create_intent(amount=770, confirm=True, payment_method_options=options)
    page = telephone(either, desktop, "#tab-web")
    page.locator("#scanned").fill(intent["next_action"]["wechat_pay_display_qr_code"]["data"])
    page.get_by_role("button", name="扫码 Scan").click()
    expect(page.locator("#cashier .amount")).to_have_text("¥7.70", timeout=WAIT_MS)
    enter_password(page)
    either.wait_status(intent["id"], "succeeded")
    page.get_by_role("button", name="扫码 Scan").click()
    expect(page.get_by_role("dialog")).to_contain_text("该订单已支付", timeout=WAIT_MS)


def test_the_picture_is_shown_in_somebodys_page(stack: RunningStack, desktop: BrowserContext) -> None:
    options = {"wechat_pay": {"terminal_type": "WEB"}}
    shown = stack.create_intent(confirm=True, payment_method_options=options)["next_action"]
    page = desktop.new_page()
    page.goto(f"{stack.web_url}/health/live")
    for kind in ("png", "svg"):
        url = shown["wechat_pay_display_qr_code"][f"image_url_{kind}"]
        page.set_content(f'<img id="{kind}" src="{url}">')
        picture = page.locator(f"#{kind}")
        expect(picture).to_have_js_property("complete", True, timeout=WAIT_MS)
        width, height = picture.evaluate("each => [each.naturalWidth, each.naturalHeight]")
        assert width == height
        assert width > 200


def test_an_apps_parameters_open_the_cashier(either: RunningStack, desktop: BrowserContext) -> None:
    options = {"wechat_pay": {"terminal_type": "APP"}}
    intent = either.create_intent(amount=990, confirm=True, payment_method_options=options)
    page = telephone(either, desktop, "#tab-params")
    page.locator("#answer").fill(json.dumps(intent))
    page.get_by_role("button", name="调起支付 Open the cashier").click()
    expect(page.locator("#cashier .amount")).to_have_text("¥9.90", timeout=WAIT_MS)
    enter_password(page)
    expect(page.locator("#said code").first).to_have_text("errCode:0")
    either.wait_status(intent["id"], "succeeded")


def h5_link(stack: RunningStack, back: str) -> tuple[str, str]:
    """An intent that is paid from a browser, and the link to WeChat's page."""
    options = {"wechat_pay": {"terminal_type": "WAP", "client_ip": "36.110.147.2"}}
    intent = stack.create_intent(amount=550, confirm=True, return_url=back, payment_method_options=options)
    return intent["id"], intent["next_action"]["wechat_pay_redirect_to_web"]["url"]


def test_a_browser_goes_to_wechats_page_pays_and_comes_back(either: RunningStack, desktop: BrowserContext) -> None:
    back = f"{either.web_url}/health/live?order=1&paid=maybe"
    intent_id, url = h5_link(either, back)
    page = desktop.new_page()
    page.goto(url, referer=f"{either.web_url}/shop")
    expect(page.locator("#cashier .amount")).to_have_text("¥5.50", timeout=WAIT_MS)
    enter_password(page)
    page.wait_for_url(back, timeout=WAIT_MS)
    either.wait_status(intent_id, "succeeded")


def test_a_browser_that_gives_up_comes_back_too_and_nothing_is_paid(
    stack: RunningStack, desktop: BrowserContext
) -> None:
    back = f"{stack.web_url}/health/live"
    intent_id, url = h5_link(stack, back)
    page = desktop.new_page()
    page.goto(url, referer=f"{stack.web_url}/shop")
    page.locator("[data-act=cancel]").click(timeout=WAIT_MS)
    page.wait_for_url(back, timeout=WAIT_MS)
    assert stack.intent(intent_id)["status"] == "requires_action"


def test_wechats_page_wants_a_referer_and_no_wechat(stack: RunningStack, chromium: Browser) -> None:
    _, url = h5_link(stack, f"{stack.web_url}/health/live")
    context = chromium.new_context(user_agent=WECHAT_AGENT)
    page = context.new_page()
    page.goto(url, referer=f"{stack.web_url}/shop")
    expect(page.get_by_role("alert")).to_have_text("请在微信外打开订单，进行支付")
    context.close()
    elsewhere = chromium.new_context()
    page = elsewhere.new_page()
    page.goto(url)
    expect(page.get_by_role("alert")).to_have_text("商家参数格式有误，请联系商家解决")
    page.goto(url.replace("package=", "package=1"), referer=f"{stack.web_url}/shop")
    expect(page.get_by_role("alert")).to_have_text("支付链接已失效，请返回商家重新下单")
    elsewhere.close()

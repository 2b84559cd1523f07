"""The official-account page in a real Chromium: whatever the telephone claims, only the server's word counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from .buying import WAIT_MS, WECHAT_AGENT, Sale, Telephone, ask_desk, open_chromium


def pay_button(page: Page, words: str = "支付 ¥8.80") -> Any:
    return page.get_by_role("button", name=words, exact=True)


def view_of(page: Page) -> str:
    return str(page.evaluate("document.documentElement.dataset.view"))


def expect_view(page: Page, view: str) -> None:
    expect(page.locator("html")).to_have_attribute("data-view", view, timeout=WAIT_MS)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def desktop(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1180, "height": 900})
    yield context
    context.close()


@pytest.fixture
def telephone(chromium: Browser, stack: Any) -> Iterator[Telephone]:
    context = chromium.new_context(locale="zh-CN", user_agent=WECHAT_AGENT, viewport={"width": 375, "height": 720})
    yield Telephone(stack, context)
    context.close()


@pytest.fixture
def sale(stack: Any) -> Iterator[Sale]:
    yield Sale(stack)
    ask_desk(stack, "DELETE", "/mischief")


def test_paid_through_login_and_lent_cashier(desktop: BrowserContext, sale: Sale) -> None:
    seen: list[str] = []
    desktop.on("request", lambda request: seen.append(request.url))
    page = desktop.new_page()
    page.goto(sale.link)
    pay_button(page).click()
    cashier = page.frame_locator("iframe")
    expect(cashier.locator(".amount")).to_have_text("¥8.80", timeout=WAIT_MS)
    cashier.locator("[data-act=fill]").click()
    cashier.locator("[data-act=pay]").click()
    cashier.locator("[data-act=done]").click()
    expect(page.get_by_role("heading", name="支付成功")).to_be_visible(timeout=WAIT_MS)
    sale.stack.wait_status(sale.id, "succeeded")
    ours = {urlsplit(sale.stack.web_url).netloc, urlsplit(sale.stack.simulator_url).netloc}
    assert {urlsplit(url).netloc for url in seen} == ours
    assert [url for url in seen if sale.secret in url.split("#")[0]] == []
    assert any("/connect/oauth2/authorize" in url for url in seen)


def test_paid_inside_wechat_and_the_secret_leaves_the_address_bar(telephone: Telephone, sale: Sale) -> None:
    seen: list[str] = []
    telephone.context.on("request", lambda request: seen.append(request.url))
    telephone.outcomes = ["pay"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect_view(page, "succeeded")
    assert page.url == f"{sale.stack.web_url}/pay/official_account"
    assert [url for url in seen if sale.secret in url.split("#")[0]] == []
    assert [order["trade_state"] for order in sale.orders()] == ["SUCCESS"]
    assert not any("/phone/" in url for url in seen), "no bridge is lent inside WeChat"


@pytest.mark.parametrize("outcome", ["pay_but_report_cancel", "pay_and_say_nothing"])
def test_shown_as_paid_whatever_the_telephone_said(telephone: Telephone, sale: Sale, outcome: str) -> None:
    telephone.outcomes = [outcome]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect_view(page, "succeeded")
    assert len(telephone.opened) == 1


def test_m10_not_shown_as_paid_because_the_telephone_said_ok(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["lie"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect_view(page, "checking")
    for _ in range(3):
        with page.expect_response(lambda answer: sale.id in answer.url):
            pass
        assert view_of(page) == "checking"
    (order,) = sale.orders()
    wish = {"out_trade_no": order["out_trade_no"], "outcome": "pay"}
    ask_desk(sale.stack, "POST", "/buyers/buyer_1/pay_order", wish)
    expect_view(page, "succeeded")


def test_canceled_then_paid_again_once(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["cancel", "pay"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect_view(page, "unpaid")
    pay_button(page, "再次支付").click()
    expect_view(page, "succeeded")
    assert [order["trade_state"] for order in sale.orders()].count("SUCCESS") == 1
    assert len(telephone.opened) == 2


def test_double_click_opens_one_cashier_for_one_order(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["cancel", "cancel", "cancel"]
    page = telephone.visit(sale.link)
    pay_button(page).dblclick()
    expect_view(page, "unpaid")
    assert len(telephone.opened) == 1
    assert len(sale.orders()) == 1


def test_reload_while_waiting_goes_on_with_the_same_order(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["lie", "pay"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect_view(page, "checking")
    page.reload()
    pay_button(page, "继续支付").click()
    expect_view(page, "succeeded")
    assert [order["trade_state"] for order in sale.orders()].count("SUCCESS") == 1
    page.reload()
    expect_view(page, "succeeded")
    assert len(telephone.opened) == 2, "a reload never opens the cashier by itself"


def test_two_tabs_pay_one_order_once(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["cancel", "pay"]
    first = telephone.visit(sale.link)
    second = telephone.visit(sale.link)
    pay_button(first).click()
    expect_view(first, "unpaid")
    pay_button(second).click()
    expect_view(second, "succeeded")
    expect_view(first, "succeeded")
    assert [order["trade_state"] for order in sale.orders()].count("SUCCESS") == 1


def test_shown_as_paid_though_the_notice_was_lost(telephone: Telephone, sale: Sale) -> None:
    ask_desk(sale.stack, "POST", "/mischief", {"notices": {"lose": {"times": 1}}})
    telephone.outcomes = ["pay_but_report_cancel"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect_view(page, "succeeded")


def test_a_sale_canceled_by_the_shop_is_shown_and_cannot_be_paid(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["cancel"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect_view(page, "unpaid")
    sale.stack.api("POST", f"/v1/payment_intents/{sale.id}/cancel")
    expect_view(page, "canceled")
    assert page.get_by_role("button").count() == 0
    assert [order["trade_state"] for order in sale.orders()] == ["CLOSED"]


def test_the_focus_follows_to_the_next_button(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["cancel"]
    page = telephone.visit(sale.link)
    pay_button(page).focus()
    page.keyboard.press("Enter")
    expect_view(page, "unpaid")
    expect(pay_button(page, "再次支付")).to_be_focused()


def test_an_order_still_being_resolved_opens_the_cashier_once_it_is_known(telephone: Telephone, sale: Sale) -> None:
    def keep_back_the_parameters(route: Any) -> None:
        answer = route.fetch()
        body = answer.json()
        body.pop("next_action", None)
        route.fulfill(response=answer, json=body)

    telephone.context.route("**/v1/payment_intents/*/confirm", keep_back_the_parameters)
    telephone.outcomes = ["pay"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect_view(page, "succeeded")
    assert len(telephone.opened) == 1


def test_a_declined_payment_says_why_and_may_be_tried_again(telephone: Telephone, sale: Sale) -> None:
    confirm = "**/v1/payment_intents/*/confirm"
    declined = {
        "id": sale.id,
        "livemode": False,
        "currency": "CNY",
        "amount": 880,
        "status": "requires_payment_method",
        "last_payment_error": {"code": "payment_method_declined", "message": "此商户暂停收款"},
    }
    telephone.context.route(confirm, lambda route: route.fulfill(json=declined))
    telephone.outcomes = ["pay"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect(page.get_by_role("status")).to_contain_text("此商户暂停收款", timeout=WAIT_MS)
    assert telephone.opened == []
    telephone.context.unroute(confirm)
    pay_button(page, "再次支付").click()
    expect_view(page, "succeeded")


def test_a_weak_network_is_waited_out(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["pay_and_say_nothing"]
    page = telephone.visit(sale.link)
    lost: list[str] = []

    def lose_three(route: Any) -> None:
        if telephone.opened and len(lost) < 3 and route.request.method == "GET":
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    telephone.context.route("**/v1/payment_intents/*", lose_three)
    pay_button(page).click()
    expect_view(page, "succeeded")
    assert len(lost) == 3


def test_snapshot_user_is_told_what_to_do_and_may_log_in_again(telephone: Telephone, sale: Sale) -> None:
    knob = {"platform": {"oauth_snapshot": {"times": 1}}}
    ask_desk(sale.stack, "POST", "/mischief", knob)
    telephone.outcomes = ["pay"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect(page.get_by_role("status")).to_contain_text("快照页", timeout=WAIT_MS)
    assert sale.orders() == []
    page.get_by_role("button", name="重新登录").click()
    expect_view(page, "succeeded")


def test_refused_login_is_explained_once(telephone: Telephone, sale: Sale) -> None:
    page = telephone.visit(sale.link)
    expect_view(page, "ready")
    page.goto(f"{sale.stack.web_url}/pay/official_account?login_error=access_denied")
    expect(page.get_by_role("status")).to_contain_text("微信登录没有完成", timeout=WAIT_MS)
    assert page.url == f"{sale.stack.web_url}/pay/official_account"
    page.reload()
    expect_view(page, "ready")


def test_a_login_that_leaves_no_trace_is_not_tried_for_ever(telephone: Telephone, sale: Sale) -> None:
    started: list[str] = []

    def come_back_at_once(route: Any) -> None:
        started.append(route.request.url)
        page_url = f"{sale.stack.web_url}/pay/official_account"
        route.fulfill(status=302, headers={"Location": page_url})

    telephone.context.route("**/v1/wechat/oauth/start*", come_back_at_once)
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect(page.get_by_role("status")).to_contain_text("登录没有保留下来", timeout=WAIT_MS)
    assert len(started) == 1
    assert telephone.opened == []


def test_back_and_forward_ask_the_server_and_pay_nothing(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["pay"]
    page = telephone.visit(sale.link)
    pay_button(page).click()
    expect_view(page, "succeeded")
    page.goto("about:blank")
    page.go_back()
    expect_view(page, "succeeded")
    assert len(telephone.opened) == 1
    assert len(sale.orders()) == 1


def test_mini_program_web_view_is_told_that_it_cannot_pay(chromium: Browser, sale: Sale) -> None:
    context = chromium.new_context(locale="zh-CN", user_agent=f"{WECHAT_AGENT} miniProgram/wx123")
    page = context.new_page()
    page.goto(sale.link)
    expect(page.get_by_role("status")).to_contain_text("小程序网页里不能付款", timeout=WAIT_MS)
    assert page.get_by_role("button").count() == 0
    context.close()


def test_live_key_outside_wechat_is_told_to_open_wechat(desktop: BrowserContext, sale: Sale) -> None:
    seen: list[str] = []
    desktop.on("request", lambda request: seen.append(request.url))

    def answer_as_live(route: Any) -> None:
        intent = {
            "id": sale.id,
            "object": "payment_intent",
            "livemode": True,
            "currency": "CNY",
            "amount": 1234567890,
            "status": "requires_payment_method",
            "description": sale.description,
        }
        route.fulfill(status=200, content_type="application/json", body=json.dumps(intent))

    desktop.route("**/v1/payment_intents/*", answer_as_live)
    page = desktop.new_page()
    page.goto(sale.link.replace(sale.stack.publishable_key, "pk_live_0"))
    expect(page.get_by_role("status")).to_contain_text("请在微信里打开", timeout=WAIT_MS)
    expect(page.locator("#amount")).to_have_text("¥12,345,678.90")
    page.get_by_role("button", name="复制付款链接").click()
    expect(page.get_by_role("button", name="已复制")).to_be_visible()
    assert not any(sale.stack.simulator_url in url for url in seen)


@pytest.mark.parametrize("spoil", ["", "#key=pk_test_1", "#key=pk_test_1&client_secret=pi_1_secret_x"])
def test_a_broken_link_says_so(desktop: BrowserContext, stack: Any, spoil: str) -> None:
    page = desktop.new_page()
    page.goto(f"{stack.web_url}/pay/official_account{spoil}")
    expect(page.get_by_role("status")).to_contain_text("付款链接不完整或已失效", timeout=WAIT_MS)


def test_the_secret_of_another_sale_opens_nothing(desktop: BrowserContext, stack: Any, sale: Sale) -> None:
    other = Sale(stack)
    page = desktop.new_page()
    page.goto(sale.link.replace(sale.secret, f"{sale.id}_secret_{other.secret.split('_secret_')[1]}"))
    expect(page.get_by_role("status")).to_contain_text("付款链接不完整或已失效", timeout=WAIT_MS)
    assert sale.description not in page.locator("main").inner_text()


@pytest.mark.parametrize(
    ("code", "words"),
    [("app_misconfigured", "设置有误"), ("user_blocked", "限制"), ("constructor", "没有完成")],
    ids=["misconfigured", "blocked", "unknown"],
)
def test_each_reason_for_no_login_has_its_words(telephone: Telephone, sale: Sale, code: str, words: str) -> None:
    page = telephone.visit(sale.link)
    expect_view(page, "ready")
    page.goto(f"{sale.stack.web_url}/pay/official_account?login_error={code}")
    expect(page.get_by_role("status")).to_contain_text(words, timeout=WAIT_MS)
    expect(page.get_by_role("button", name="重新登录")).to_be_visible()


def test_only_a_web_address_becomes_the_way_back(telephone: Telephone, sale: Sale) -> None:
    telephone.outcomes = ["pay"]
    page = telephone.visit(f"{sale.link}&return_url=https%3A%2F%2Fshop.example%2Forders%2F1")
    pay_button(page).click()
    expect_view(page, "succeeded")
    way_back = page.get_by_role("link", name="返回商家 · shop.example")
    assert way_back.get_attribute("href") == "https://shop.example/orders/1"
    other = telephone.visit(f"{sale.link}&return_url=javascript%3Aalert(1)")
    expect_view(other, "succeeded")
    assert other.get_by_role("link").count() == 0


def test_fits_a_narrow_screen_in_english_and_dark(chromium: Browser, sale: Sale) -> None:
    context = chromium.new_context(locale="en-US", color_scheme="dark", viewport={"width": 320, "height": 568})
    page = context.new_page()
    page.goto(sale.link)
    expect(pay_button(page, "Pay ¥8.80")).to_be_visible(timeout=WAIT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(17, 17, 17)"
    context.close()

"""The simulator's telephone in a real Chromium: a person pays, refuses and misbehaves, by mouse and by keyboard."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.api.idempotent_requests import transfer_body

from .buying import ELSEWHERE, WAIT_MS, Sale, ask_desk, open_chromium

AMOUNT = 660
PAID = "支付成功"


class Waiting:
    """An order that waits for its buyer: the shop's page is open, and so is the cashier lent to it."""

    def __init__(self, stack: Any, context: BrowserContext) -> None:
        self.stack = stack
        self.sale = Sale(stack, amount=AMOUNT)
        self.description = self.sale.description
        self.shop = context.new_page()
        self.shop.goto(self.sale.link)
        with self.shop.expect_response(
            lambda answer: answer.url.endswith("/confirm") and answer.status == 200,
            timeout=WAIT_MS,
        ) as confirmed:
            self.shop.get_by_role("button", name="支付 ¥6.60").click()
        self.answer: dict[str, Any] = confirmed.value.json()
        self.cashier = self.shop.frame_locator("iframe")
        expect(self.cashier.locator(".amount")).to_have_text("¥6.60", timeout=WAIT_MS)

    def order(self) -> dict[str, Any]:
        """The one order that WeChat has for it."""
        (found,) = self.sale.orders()
        return found


def open_telephone(stack: Any, context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto(f"{stack.simulator_url}/phone")
    expect(page.locator("#buyer")).to_have_value("buyer_1", timeout=WAIT_MS)
    return page


def hand_over(telephone: Page, answer: object, channel: str = "") -> None:
    telephone.locator("#tab-params").click()
    telephone.locator("#answer").fill(json.dumps(answer))
    telephone.locator("#channel").select_option(channel)
    telephone.get_by_role("button", name="调起支付 Open the cashier").click()


def enter_password(telephone: Page, password: str = "123456") -> None:
    expect(telephone.locator(".keypad")).to_be_visible(timeout=WAIT_MS)
    telephone.keyboard.type(password)
    telephone.locator("[data-act=pay]").click()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def desktop(chromium: Browser, stack: Any) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1180, "height": 920})
    yield context
    context.close()
    ask_desk(stack, "DELETE", "/mischief")


@pytest.fixture
def waiting(stack: Any, desktop: BrowserContext) -> Waiting:
    return Waiting(stack, desktop)


@pytest.fixture
def telephone(stack: Any, desktop: BrowserContext) -> Page:
    return open_telephone(stack, desktop)


def test_a_waiting_order_is_paid_by_keyboard_alone(waiting: Waiting, telephone: Page) -> None:
    row = telephone.get_by_role("button", name=waiting.description)
    row.focus()
    telephone.keyboard.press("Enter")
    expect(telephone.get_by_role("dialog")).to_contain_text("此捷径不检查签名参数", timeout=WAIT_MS)
    telephone.keyboard.type("123456")
    for _ in range(12):
        telephone.keyboard.press("Tab")
        if telephone.evaluate("document.activeElement.dataset.act") == "pay":
            break
    telephone.keyboard.press("Enter")
    expect(telephone.get_by_role("dialog")).to_contain_text(PAID, timeout=WAIT_MS)
    telephone.keyboard.press("Enter")
    expect(row).to_have_count(0, timeout=WAIT_MS)
    assert waiting.order()["trade_state"] == "SUCCESS"
    telephone.locator("#tab-waiting").focus()
    telephone.keyboard.press("ArrowLeft")
    expect(telephone.locator("#history")).to_contain_text(waiting.description)
    waiting.stack.wait_status(waiting.sale.id, "succeeded")


def test_the_buyer_sees_what_became_of_a_refund(waiting: Waiting, telephone: Page) -> None:
    telephone.get_by_role("button", name=waiting.description).click()
    enter_password(telephone)
    expect(telephone.get_by_role("dialog")).to_contain_text(PAID, timeout=WAIT_MS)
    telephone.keyboard.press("Enter")
    waiting.stack.wait_status(waiting.sale.id, "succeeded")
    refund = waiting.stack.api("POST", "/v1/refunds", {"payment_intent": waiting.sale.id, "amount": 160})
    telephone.locator("#tab-me").click()
    bill = telephone.locator("#history li", has_text=waiting.description)
    expect(bill.locator(".refund")).to_contain_text("¥1.60", timeout=WAIT_MS)
    number = refund["id"].removeprefix("re_")
    if ask_desk(waiting.stack, "GET", f"/refunds/{number}")["status"] == "PROCESSING":
        ask_desk(waiting.stack, "POST", f"/refunds/{number}/settle", {"outcome": "SUCCESS"})
    expect(bill.locator(".refund")).to_contain_text("已退款 ¥1.60 · 支付用户零钱", timeout=WAIT_MS)


def test_a_wrong_password_keeps_the_cashier_open(waiting: Waiting, telephone: Page) -> None:
    telephone.get_by_role("button", name=waiting.description).click()
    enter_password(telephone, "111111")
    expect(telephone.get_by_role("alert")).to_contain_text("支付密码错误", timeout=WAIT_MS)
    assert waiting.order()["trade_state"] == "NOTPAY"
    telephone.keyboard.press("Escape")
    expect(telephone.get_by_role("dialog")).to_have_count(0)
    assert waiting.order()["trade_state"] == "NOTPAY"


def test_pasted_parameters_open_the_cashier(waiting: Waiting, telephone: Page) -> None:
    hand_over(telephone, waiting.answer)
    expect(telephone.locator("#cashier .amount")).to_have_text("¥6.60", timeout=WAIT_MS)
    enter_password(telephone)
    telephone.locator("[data-act=done]").click()
    expect(telephone.locator("#said code").first).to_have_text("get_brand_wcpay_request:ok")
    assert waiting.order()["trade_state"] == "SUCCESS"


def spoil_signature(params: dict[str, Any]) -> None:
    params["nonceStr"] += "0"


def spoil_app(params: dict[str, Any]) -> None:
    params["appId"] = "wxd678efh567hg6787"


def spoil_time(params: dict[str, Any]) -> None:
    params["timeStamp"] = int(params["timeStamp"])


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (spoil_signature, "支付验证签名失败"),
        (spoil_app, "缺少参数 total_fee"),
        (spoil_time, "缺少参数 timeStamp"),
    ],
    ids=["signature", "app", "time"],
)
def test_spoilt_parameters_are_refused_as_wechat_refuses_them(
    waiting: Waiting, telephone: Page, spoil: Any, complaint: str
) -> None:
    kind = waiting.answer["next_action"]["type"]
    spoil(waiting.answer["next_action"][kind])
    hand_over(telephone, waiting.answer)
    expect(telephone.get_by_role("dialog")).to_contain_text(complaint, timeout=WAIT_MS)
    telephone.locator("[data-act=done]").click()
    expect(telephone.locator("#said code").first).to_have_text("get_brand_wcpay_request:fail")
    assert waiting.order()["trade_state"] == "NOTPAY"


def test_json_without_parameters_is_explained(telephone: Page) -> None:
    hand_over(telephone, {"status": "succeeded"})
    expect(telephone.locator("#params-problem")).to_contain_text("没有找到支付参数")
    telephone.locator("#answer").fill("{")
    telephone.get_by_role("button", name="调起支付 Open the cashier").click()
    expect(telephone.locator("#params-problem")).to_contain_text("这不是 JSON")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("cancel", "NOTPAY"),
        ("pay_but_report_cancel", "SUCCESS"),
        ("pay_and_say_nothing", "SUCCESS"),
    ],
)
def test_the_lent_cashier_does_what_it_is_told(waiting: Waiting, outcome: str, state: str) -> None:
    if outcome != "cancel":
        waiting.cashier.locator("summary").click()
    waiting.cashier.locator(f"[data-act={outcome}]").click()
    expect(waiting.shop.locator("iframe")).to_have_count(0, timeout=WAIT_MS)
    assert waiting.order()["trade_state"] == state
    view = "unpaid" if state == "NOTPAY" else "succeeded"
    expect(waiting.shop.locator("html")).to_have_attribute("data-view", view, timeout=WAIT_MS)


def test_the_bridge_believes_only_the_cashier(waiting: Waiting) -> None:
    forged = {"type": "cashier:said", "result": {"err_msg": "get_brand_wcpay_request:cancel"}}
    waiting.shop.evaluate("message => window.postMessage(message, '*')", forged)
    waiting.shop.evaluate("new Promise(resolve => setTimeout(resolve, 200))")
    assert waiting.shop.locator("iframe").count() == 1
    expect(waiting.shop.locator("html")).to_have_attribute("data-view", "cashier")


def test_the_cashier_pays_for_no_page_from_elsewhere(chromium: Browser, stack: Any, waiting: Waiting) -> None:
    params = waiting.answer["next_action"][waiting.answer["next_action"]["type"]]
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"http://{ELSEWHERE}:{urlsplit(stack.web_url).port}/pay/official_account")
    page.add_script_tag(url=f"{stack.simulator_url}/phone/bridge.js")
    said = page.evaluate(
        "params => new Promise(said => WeixinJSBridge.invoke('getBrandWCPayRequest', params, said))",
        params,
    )
    context.close()
    assert said == {"err_msg": "get_brand_wcpay_request:fail", "err_desc": "当前页面的URL未注册"}


def test_a_link_is_opened_in_the_whole_browser(stack: Any, telephone: Page) -> None:
    telephone.locator("#tab-web").click()
    telephone.locator("#link").fill("javascript:alert(1)")
    telephone.get_by_role("button", name="打开").click()
    expect(telephone.locator("#link-problem")).to_contain_text("http")
    telephone.locator("#link").fill(f"{stack.web_url}/pay/official_account")
    telephone.get_by_role("button", name="打开").click()
    telephone.wait_for_url(f"{stack.web_url}/pay/official_account")


def test_a_transfer_is_received_on_the_telephone(stack: Any, telephone: Page) -> None:
    ask_desk(stack, "POST", "/merchant", {"top_up": 1_000})
    made = stack.api("POST", "/v1/transfers", transfer_body(stack, 420))
    row = telephone.locator(f"[data-transfer='{made['out_bill_no']}']")
    expect(row.locator(".sum")).to_have_text("¥4.20", timeout=WAIT_MS)
    row.get_by_role("button", name="确认收款").click()
    expect(row).to_have_count(0, timeout=WAIT_MS)
    stack.wait_for(
        lambda: stack.api("GET", f"/v1/transfers/{made['id']}")["status"] == "paid", "the transfer to be paid"
    )


def test_a_new_buyer_is_the_one_who_logs_in(stack: Any, desktop: BrowserContext, telephone: Page) -> None:
    before = len(ask_desk(stack, "GET", "/buyers")["buyers"])
    telephone.locator("#new-buyer").click()
    expect(telephone.locator("#buyer")).not_to_have_value("buyer_1", timeout=WAIT_MS)
    chosen = telephone.locator("#buyer").input_value()
    everyone = ask_desk(stack, "GET", "/buyers")["buyers"]
    assert len(everyone) == before + 1
    (buyer,) = [each for each in everyone if each["id"] == chosen]
    order = Waiting(stack, desktop).order()
    assert order["openid"] == buyer["openids"][order["appid"]]


def test_mischief_is_set_shown_and_cleared(stack: Any, telephone: Page) -> None:
    telephone.locator("[data-trick=lose]").click()
    telephone.locator("#fault").select_option("drop_after")
    telephone.locator("#fault-path").select_option("order")
    telephone.locator("#api-fault button").click()
    expect(telephone.locator("#pending")).to_contain_text("处理后断线", timeout=WAIT_MS)
    expect(telephone.locator("#pending")).to_contain_text("丢掉下一个通知")
    set_knobs = ask_desk(stack, "GET", "/mischief")
    assert set_knobs["notices"]["lose"]["times"] == 1
    assert [(each["fault"], each["path"]) for each in set_knobs["api"]] == [("drop_after", "order")]
    telephone.locator("#behave").click()
    expect(telephone.locator("#pending")).to_contain_text("一切正常", timeout=WAIT_MS)
    assert ask_desk(stack, "GET", "/mischief")["api"] == []


def test_every_trick_on_the_panel_is_known_to_the_desk(stack: Any, telephone: Page) -> None:
    answers: list[int] = []
    telephone.on(
        "response",
        lambda answer: answers.append(answer.status) if answer.request.method == "POST" else None,
    )
    tricks = telephone.locator("[data-trick]")
    faults = telephone.locator("#fault option")
    for index in range(tricks.count()):
        with telephone.expect_response("**/_desk/mischief"):
            tricks.nth(index).click()
    for index in range(faults.count()):
        telephone.locator("#fault").select_option(index=index)
        with telephone.expect_response(lambda answer: answer.request.method == "POST"):
            telephone.locator("#api-fault button").click()
    assert len(answers) == tricks.count() + faults.count()
    assert set(answers) == {200}


def test_a_notice_is_shown_and_can_be_sent_again(waiting: Waiting, telephone: Page) -> None:
    number = waiting.order()["out_trade_no"]
    telephone.get_by_role("button", name=waiting.description).click()
    enter_password(telephone)
    telephone.locator("[data-act=done]").click()
    row = telephone.locator("#notices li", has_text=number)
    expect(row.locator("small")).to_have_count(1, timeout=WAIT_MS)
    expect(row).to_have_class("well", timeout=WAIT_MS)
    row.get_by_role("button").click()
    expect(row.locator("small")).to_have_count(2, timeout=WAIT_MS)


def test_narrow_english_and_without_third_parties(chromium: Browser, stack: Any) -> None:
    context = chromium.new_context(locale="en-US", viewport={"width": 320, "height": 640})
    seen: list[str] = []
    context.on("request", lambda request: seen.append(request.url))
    page = open_telephone(stack, context)
    page.get_by_role("button", name="语言 language").click()
    expect(page.get_by_role("heading", name="Waiting orders", exact=True)).to_be_visible()
    for tab in ("#tab-waiting", "#tab-web", "#tab-params", "#tab-me"):
        page.locator(tab).click()
        assert page.evaluate("document.documentElement.scrollWidth") == 320
    context.close()
    assert {urlsplit(url).netloc for url in seen} == {urlsplit(stack.simulator_url).netloc}


def test_the_telephone_itself_is_not_framed_and_the_bridge_is_lent_to_all(stack: Any) -> None:
    def headers(path: str) -> Any:
        return urllib.request.urlopen(f"{stack.simulator_url}{path}", timeout=10).headers

    assert "frame-ancestors 'none'" in headers("/phone")["Content-Security-Policy"]
    assert "frame-ancestors" not in headers("/phone/cashier")["Content-Security-Policy"]
    assert headers("/phone/bridge.js")["Access-Control-Allow-Origin"] == "*"
    assert headers("/phone/bridge.js")["Cross-Origin-Resource-Policy"] == "cross-origin"

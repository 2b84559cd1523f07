/**
 * The cashier page from tap to the server's word, over real HTTP against a server that keeps the contract.
 */
const { FastClock } = require("./fakes/clock.js");
const { ContractServer, PUBLISHABLE_KEY, refuse } = require("./fakes/contract_server.js");
const { FakeWx } = require("./fakes/wx.js");
const { Page, eventually, loadPage, stageApp } = require("./stage.js");

const OK = "requestPayment:ok";
const CANCEL = "requestPayment:fail cancel";
const DECLINE = { code: "payment_method_provider_decline", message: "declined" };

const payPage = loadPage("pay");
const resultPage = loadPage("result");

let server;
let page;
let stage;

beforeEach(async () => {
  server = await new ContractServer().start();
});

afterEach(async () => {
  page.leave();
  await server.stop();
});

/** Open the page on an intent; `cashier` plays WeChat's cashier. */
async function open({ cashier = () => OK, query, shopUrl = "", entry = "", speed } = {}) {
  const { intent, clientSecret } = server.newIntent();
  const clock = new FastClock(speed);
  server.clockNow = clock.now;
  const wx = new FakeWx({ code: (nth) => `code_${nth}`, cashier });
  const config = { apiUrl: server.url, publishableKey: PUBLISHABLE_KEY, shopUrl, appId: "" };
  const app = stageApp({ wx, clock, config, entryClientSecret: entry && clientSecret });
  page = new Page(payPage);
  stage = { intent, clientSecret, clock, wx, app };
  await page.load(query || { client_secret: clientSecret });
  return stage;
}

/** From the n-th retrieve after now on, the intent has this status. */
function endsAfter(answers, status, lastPaymentError) {
  const first = server.retrieves;
  server.beforeRetrieve = (intent, nth) => {
    if (nth - first >= answers) {
      server.end(intent, status, lastPaymentError);
    }
  };
}

test("an intent is shown with its amount and can be paid", async () => {
  await open();
  expect(page.text()).toBe("待支付 ¥12.34 龙井茶 250 克 立即支付");
});

test("a payment is paid when the server says so", async () => {
  const { wx, app } = await open();
  endsAfter(2, "succeeded");
  page.tap();
  await page.shows("支付成功", "¥12.34");
  expect(wx.cashierParams).toEqual([
    { timeStamp: "1760000000", nonceStr: "nonce1", package: "prepay_id=wx1", signType: "RSA", paySign: "c2lnbmVk" },
  ]);
  expect(wx.redirects).toEqual(["/pages/result/index"]);
  expect(app.lastResult.kind).toBe("paid");
  page.leave();
  page = new Page(resultPage);
  expect(page.text()).toBe("支付成功 ¥12.34 龙井茶 250 克 商户已收到您的付款");
});

test("the cashier's ok alone pays nothing while the server still requires action", async () => {
  await open();
  server.beforeRetrieve = () => undefined;
  const before = server.retrieves;
  page.tap();
  await eventually(() => server.retrieves - before >= 14, () => page.text());
  expect(page.text()).toContain("正在确认");
  expect(page.hasButton()).toBe(false);
  endsAfter(1, "succeeded");
  await page.shows("支付成功");
});

test("money that moved although the cashier said cancel is seen", async () => {
  const { wx } = await open({ cashier: () => CANCEL });
  endsAfter(2, "succeeded");
  page.tap();
  await page.shows("支付成功");
  expect(wx.cashierParams).toHaveLength(1);
});

test("a buyer who canceled may pay again with the same intent", async () => {
  const { wx, intent } = await open({ cashier: (_params, nth) => (nth === 1 ? CANCEL : OK) });
  page.tap();
  await page.shows("尚未支付", "重新支付");
  expect(intent.status).toBe("requires_action");
  endsAfter(1, "succeeded");
  page.tap();
  await page.shows("支付成功");
  expect(wx.cashierParams.map(({ nonceStr }) => nonceStr)).toEqual(["nonce1", "nonce2"]);
  expect(wx.logins).toBe(1);
});

test("a failing cashier is asked about like a canceling one", async () => {
  await open({ cashier: () => "requestPayment:fail banned" });
  const before = server.retrieves;
  page.tap();
  await page.shows("尚未支付", "重新支付");
  expect(server.retrieves - before).toBeGreaterThanOrEqual(3);
});

test("a cashier that never answers does not keep the server's word away", async () => {
  await open({ cashier: () => null });
  endsAfter(5, "succeeded");
  page.tap();
  await page.shows("支付成功");
});

test("a cashier that answers after the end changes nothing", async () => {
  let answer;
  await open({ cashier: () => new Promise((resolve) => { answer = resolve; }) });
  endsAfter(1, "succeeded");
  page.tap();
  await page.shows("支付成功");
  const asked = server.retrieves;
  answer(CANCEL);
  await stage.clock.sleep(5000);
  expect(page.text()).toContain("支付成功");
  expect(server.retrieves).toBe(asked);
});

test("a second tap while one is under way does nothing", async () => {
  const { wx } = await open();
  endsAfter(2, "succeeded");
  page.component.instance.onTap();
  page.component.instance.onTap();
  await page.component.instance.onTap();
  await page.shows("支付成功");
  expect(server.confirms).toBe(1);
  expect(wx.cashierParams).toHaveLength(1);
  expect(wx.redirects).toHaveLength(1);
});

test("a session the server forgot is renewed once", async () => {
  const { wx, app } = await open();
  wx.setStorageSync("wxbackend_login_session", { token: "ws_old", expires_at: stage.clock.now() + 3_600_000 });
  endsAfter(1, "succeeded");
  page.tap();
  await page.shows("支付成功");
  expect(wx.logins).toBe(1);
  expect(wx.countOf("/confirm")).toBe(2);
  expect(app.lastResult.kind).toBe("paid");
});

test("a server that goes on asking for a login is not asked for ever", async () => {
  const { wx } = await open();
  server.onConfirm = () => refuse(400, "login_required");
  page.tap();
  await page.shows("登录已失效", "重试");
  expect(wx.countOf("/confirm")).toBe(2);
});

test("a login that WeChat refuses is said and can be tried again", async () => {
  const { wx } = await open();
  const { code } = wx.playedBy;
  wx.playedBy.code = () => Promise.reject(new Error("login refused"));
  page.tap();
  await page.shows("登录失败", "重试");
  wx.playedBy.code = code;
  endsAfter(1, "succeeded");
  page.tap();
  await page.shows("支付成功");
});

test("a snapshot user is told why nothing can be paid", async () => {
  const { wx } = await open();
  server.onConfirm = () => refuse(400, "snapshot_user_may_not_pay");
  page.tap();
  await page.shows("无法支付", "游客");
  expect(wx.cashierParams).toHaveLength(0);
});

test("a declined confirm opens no cashier and may be tried again", async () => {
  const { wx } = await open();
  server.onConfirm = (intent, nth) =>
    nth === 1 ? server.end(intent, "requires_payment_method", DECLINE) : server.requireAction(intent);
  page.tap();
  await page.shows("支付未成功", "重新支付");
  expect(wx.cashierParams).toHaveLength(0);
  endsAfter(1, "succeeded");
  page.tap();
  await page.shows("支付成功");
});

test("a lost network while asking is outlived", async () => {
  await open();
  const first = server.retrieves;
  server.beforeRetrieve = (intent, nth) => {
    if (nth - first <= 3) {
      return "drop";
    }
    if (nth - first <= 5) {
      return refuse(503, "busy");
    }
    return server.end(intent, "succeeded");
  };
  page.tap();
  await page.shows("支付成功");
  expect(server.retrieves - first).toBeGreaterThanOrEqual(6);
});

test("lost answers after a cancel do not count as the server's word", async () => {
  await open({ cashier: () => CANCEL });
  const first = server.retrieves;
  server.beforeRetrieve = (intent, nth) => (nth - first <= 6 ? "drop" : server.end(intent, "succeeded"));
  page.tap();
  await page.shows("支付成功");
});

test("a confirm that never arrived is said and can be tried again", async () => {
  const { wx } = await open();
  server.onConfirm = (intent, nth) => (nth === 1 ? "drop" : server.requireAction(intent));
  page.tap();
  await page.shows("网络异常", "重试");
  endsAfter(1, "succeeded");
  page.tap();
  await page.shows("支付成功");
  expect(wx.cashierParams).toHaveLength(1);
});

test("requires_action without next_action is waited out before the cashier opens", async () => {
  const { wx, intent } = await open();
  server.onConfirm = (confirmed) => {
    confirmed.status = "requires_action";
  };
  const first = server.retrieves;
  server.beforeRetrieve = (seen, nth) => {
    if (nth - first === 3) {
      expect(wx.cashierParams).toHaveLength(0);
      server.requireAction(seen);
    }
    if (nth - first === 6) {
      server.end(seen, "succeeded");
    }
  };
  page.tap();
  await page.shows("支付成功");
  expect(wx.cashierParams).toHaveLength(1);
  expect(intent.status).toBe("succeeded");
});

test("an order canceled meanwhile is said and cannot be paid", async () => {
  await open();
  endsAfter(2, "canceled");
  page.tap();
  await page.shows("已取消");
  expect(page.hasButton()).toBe(false);
});

test("an intent paid elsewhere is seen although its confirm is refused", async () => {
  const { wx, intent } = await open();
  server.end(intent, "succeeded");
  page.tap();
  await page.shows("支付成功");
  expect(wx.cashierParams).toHaveLength(0);
});

test("an intent that is paid already offers no button", async () => {
  const { intent, clientSecret } = await open();
  server.end(intent, "succeeded");
  await page.load({ client_secret: clientSecret });
  await page.shows("支付成功");
  expect(page.hasButton()).toBe(false);
});

test("after fifteen minutes without a word the result can be asked again without paying again", async () => {
  const { wx, clock } = await open({ speed: 1000 });
  page.tap();
  await page.shows("结果待确认", "查询结果");
  expect(clock.slept.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(900_000);
  endsAfter(1, "succeeded");
  page.tap();
  await page.shows("支付成功");
  expect(server.confirms).toBe(1);
  expect(wx.cashierParams).toHaveLength(1);
});

test("the shop makes one order however often the buyer tries", async () => {
  const { wx } = await open({ query: { sku: "tea_250g" }, shopUrl: server.url, cashier: () => CANCEL });
  expect(page.text()).toBe("待支付 立即支付");
  page.tap();
  await page.shows("尚未支付", "¥12.34");
  page.tap();
  await eventually(() => wx.cashierParams.length === 2, () => page.text());
  expect(server.orders).toBe(1);
  await page.shows("尚未支付");
});

test("the intent may come from the entry of the program", async () => {
  await open({ query: {}, entry: true });
  expect(page.text()).toContain("¥12.34");
});

test("without an intent and a shop the page says so", async () => {
  await open({ query: {} });
  page.tap();
  await page.shows("没有待支付的订单");
  expect(page.hasButton()).toBe(false);
});

test("an order that cannot be read now can be read again", async () => {
  server.beforeRetrieve = () => "drop";
  await open();
  await page.shows("网络异常", "重试");
  server.beforeRetrieve = () => undefined;
  page.tap();
  await page.shows("待支付", "¥12.34");
  expect(server.confirms).toBe(0);
});

test("a page that was left asks nothing further", async () => {
  await open({ cashier: () => null });
  page.tap();
  await eventually(() => server.retrieves >= 3, () => page.text());
  page.leave();
  await stage.clock.sleep(1000);
  const asked = server.retrieves;
  await stage.clock.sleep(10_000);
  expect(server.retrieves).toBe(asked);
});

test("a buyer who comes back does not wait for the next poll", async () => {
  const { clock } = await open({ cashier: () => null });
  clock.sleep = () => new Promise(() => {});
  page.tap();
  await page.shows("等待支付");
  endsAfter(1, "succeeded");
  page.component.instance.onShow();
  await page.shows("支付成功");
});

test("a cashier that cannot be called at all leaves the payment unpaid, not stuck", async () => {
  const { wx } = await open();
  wx.requestPayment = () => {
    throw new Error("not supported here");
  };
  page.tap();
  await page.shows("尚未支付", "重新支付");
});

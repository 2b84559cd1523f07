/**
 * The same pages against a running wxbackend and a running simulator, which plays WeChat and the buyer.
 * Environment: WXBACKEND_URL, SIMULATOR_URL, PUBLISHABLE_KEY, CLIENT_SECRET (an unpaid intent), and as wished
 * APP_ID (the mini program's app id), BUYER, and CASHIER_OUTCOME ("pay" or "pay_but_report_cancel").
 */
const { FakeWx } = require("./fakes/wx.js");
const { Page, STUB, loadPage, stageApp } = require("./stage.js");

const { systemClock } = require(`${STUB}/payment/clock.js`);
const NEEDED = ["WXBACKEND_URL", "SIMULATOR_URL", "PUBLISHABLE_KEY", "CLIENT_SECRET"];
const { env } = process;
const buyer = env.BUYER || "buyer_1";
const appId = env.APP_ID || "";

const payPage = loadPage("pay");
const resultPage = loadPage("result");

/** One order to the simulator's desk, over the same HTTP client as the pages'. */
function desk(wx, action, data) {
  return new Promise((resolve, reject) => {
    wx.request({
      method: "POST",
      url: `${env.SIMULATOR_URL}/_desk/buyers/${buyer}/${action}`,
      header: { "Content-Type": "application/json" },
      data,
      success: (answer) =>
        answer.statusCode < 300
          ? resolve(answer.data)
          : reject(new Error(`the desk answered ${answer.statusCode}: ${JSON.stringify(answer.data)}`)),
      fail: () => reject(new Error(`the desk does not answer at ${env.SIMULATOR_URL}`)),
    });
  });
}

test("a buyer logs in, pays and sees the server's word", async () => {
  expect(NEEDED.filter((name) => !env[name])).toEqual([]);
  const outcome = env.CASHIER_OUTCOME || "pay";
  const appid = appId || "wx0000000000000001";
  const reports = [];
  const wx = new FakeWx({
    code: async () => (await desk(wx, "codes", { appid, kind: "mini_program" })).code,
    cashier: async (params) => {
      const report = await desk(wx, "pay", { channel: "mini_program", appid, params, outcome });
      reports.push(report.err_msg);
      return report.err_msg;
    },
  });
  const config = { apiUrl: env.WXBACKEND_URL, publishableKey: env.PUBLISHABLE_KEY, shopUrl: "", appId };
  const app = stageApp({ wx, clock: systemClock(), config });
  const page = new Page(payPage);
  await page.load({ client_secret: env.CLIENT_SECRET });
  expect(page.text()).toContain("待支付");
  await page.component.instance.onTap();
  expect(page.text()).toContain("支付成功");
  expect(app.lastResult.intent.status).toBe("succeeded");
  expect(reports).toHaveLength(1);
  expect(reports[0] === "requestPayment:ok").toBe(outcome === "pay");
  page.leave();
  const result = new Page(resultPage);
  expect(result.text()).toContain("支付成功");
  result.leave();
});

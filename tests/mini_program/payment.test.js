/**
 * The payment modules alone: money as text, the poll schedule, the login session and the entry.
 */
const path = require("node:path");
const { FastClock } = require("./fakes/clock.js");
const { ContractServer, PUBLISHABLE_KEY } = require("./fakes/contract_server.js");
const { FakeWx } = require("./fakes/wx.js");
const { STUB } = require("./stage.js");

const load = (name) => require(path.join(STUB, "payment", name));
const { cashierParamsOf, createBuyerApi } = load("api.js");
const { clientSecretOf, intentIdOf } = load("entry.js");
const { failure } = load("failure.js");
const { createLogin } = load("login.js");
const { formatMinor } = load("money.js");
const { askUntil, createWatch } = load("wait.js");

const KEY = "wxbackend_login_session";

describe("money", () => {
  test.each([
    [0, "¥0.00"],
    [1, "¥0.01"],
    [10, "¥0.10"],
    [100, "¥1.00"],
    [123456, "¥1,234.56"],
    [100000000, "¥1,000,000.00"],
    [Number.MAX_SAFE_INTEGER, "¥90,071,992,547,409.91"],
  ])("%d fen reads %s", (fen, text) => {
    expect(formatMinor(fen, "CNY")).toBe(text);
  });

  test.each([1.5, -1, NaN, Infinity, "100", 2 ** 53])("%p is no amount", (amount) => {
    expect(() => formatMinor(amount, "CNY")).toThrow(RangeError);
  });

  test("another currency is named", () => {
    expect(formatMinor(250, "HKD")).toBe("HKD 2.50");
  });
});

describe("waiting", () => {
  const ask = (retrieve, clock, watch = createWatch()) =>
    askUntil({ retrieve, clock, watch, verdict: (intent) => (intent.status === "succeeded" ? "done" : null) });

  test("the schedule is ten seconds, ten times two, then fives up to fifteen minutes", async () => {
    const clock = new FastClock(1_000_000);
    expect(await ask(async () => ({ status: "requires_action" }), clock)).toBeNull();
    const expected = [...Array(10).fill(1000), ...Array(10).fill(2000), ...Array(174).fill(5000)];
    expect(clock.slept).toEqual(expected);
    expect(expected.reduce((sum, ms) => sum + ms)).toBe(900_000);
  });

  test("a hurried wait asks at once, and its schedule and its fifteen minutes begin anew", async () => {
    const clock = new FastClock(1_000_000);
    const watch = createWatch();
    let asked = 0;
    const retrieve = async () => {
      asked += 1;
      if (asked === 100) {
        watch.hurry();
      }
      return { status: "requires_action" };
    };
    expect(await ask(retrieve, clock, watch)).toBeNull();
    const anew = clock.slept.slice(100);
    expect(clock.slept.slice(98, 100)).toEqual([5000, 5000]);
    expect(anew.slice(0, 10)).toEqual([...Array(9).fill(1000), 2000]);
    expect(anew.reduce((sum, ms) => sum + ms)).toBeGreaterThanOrEqual(900_000);
  });

  test("a hurry wakes a wait that sleeps", async () => {
    const watch = createWatch();
    const clock = { now: () => 0, sleep: () => new Promise(() => {}) };
    const found = ask(async () => ({ status: "succeeded" }), clock, watch);
    watch.hurry();
    expect(await found).toBe("done");
  });

  test("a refusal ends the wait, an absence does not", async () => {
    const answers = [failure("network_failed", "", true), failure("resource_missing", "", false)];
    let asked = 0;
    const retrieve = async () => {
      asked += 1;
      throw answers.shift();
    };
    await expect(ask(retrieve, new FastClock(1_000_000))).rejects.toMatchObject({ code: "resource_missing" });
    expect(asked).toBe(2);
  });

  test("a stopped watch asks nothing", async () => {
    const watch = createWatch();
    watch.stop();
    let asked = 0;
    const retrieve = async () => {
      asked += 1;
      return { status: "succeeded" };
    };
    expect(await ask(retrieve, new FastClock(), watch)).toBeNull();
    expect(asked).toBe(0);
  });

  test("an answer that arrives after the stop is not believed", async () => {
    const watch = createWatch();
    const retrieve = async () => {
      watch.stop();
      return { status: "succeeded" };
    };
    expect(await ask(retrieve, new FastClock(), watch)).toBeNull();
  });
});

describe("login", () => {
  let server;
  let clock;
  let wx;

  beforeEach(async () => {
    server = await new ContractServer().start();
    clock = new FastClock();
    server.clockNow = clock.now;
    wx = new FakeWx({ code: (nth) => `code_${nth}`, cashier: () => null });
  });

  afterEach(() => server.stop());

  const loginOf = (surroundings) => {
    const config = { apiUrl: server.url, publishableKey: PUBLISHABLE_KEY };
    return createLogin({ wx: surroundings, clock, api: createBuyerApi({ wx: surroundings, config }) });
  };

  test("two who ask at once share one login", async () => {
    const login = loginOf(wx);
    expect(await Promise.all([login.token(), login.token()])).toEqual(["ws_1", "ws_1"]);
    expect(wx.logins).toBe(1);
  });

  test("a session survives a restart until it expires", async () => {
    await loginOf(wx).token();
    expect(await loginOf(wx).token()).toBe("ws_1");
    clock.currentMs += server.sessionLifeMs - 30_000;
    expect(await loginOf(wx).token()).toBe("ws_2");
    expect(wx.logins).toBe(2);
  });

  test("a forgotten session is neither in memory nor in storage", async () => {
    const login = loginOf(wx);
    await login.token();
    login.forget();
    expect(wx.getStorageSync(KEY)).toBe("");
    expect(await login.token()).toBe("ws_2");
  });

  test("a failed login is not kept", async () => {
    wx.playedBy.code = (nth) => (nth === 1 ? Promise.reject(new Error("no")) : "code_later");
    const login = loginOf(wx);
    await expect(login.token()).rejects.toMatchObject({ code: "login_failed" });
    expect(await login.token()).toBe("ws_1");
  });

  test("a full or broken storage costs a login, not a payment", async () => {
    const broken = () => {
      throw new Error("storage is full");
    };
    Object.assign(wx, { getStorageSync: broken, setStorageSync: broken, removeStorageSync: broken });
    const login = loginOf(wx);
    expect(await login.token()).toBe("ws_1");
    login.forget();
    expect(await login.token()).toBe("ws_2");
  });

  test("rubbish in storage is not a session", async () => {
    wx.setStorageSync(KEY, { token: 7, expires_at: "later" });
    expect(await loginOf(wx).token()).toBe("ws_1");
  });

  test("the app id is named only where it is configured", async () => {
    const bodies = [];
    const keep = { request: ({ data, fail }) => { bodies.push(data); fail(); } };
    for (const appId of ["", "wx0000000000000001"]) {
      const config = { apiUrl: server.url, publishableKey: PUBLISHABLE_KEY, appId };
      await expect(createBuyerApi({ wx: keep, config }).login("c")).rejects.toMatchObject({ code: "network_failed" });
    }
    expect(bodies).toEqual([{ code: "c" }, { code: "c", app_id: "wx0000000000000001" }]);
  });
});

describe("entry", () => {
  const secret = "pi_1666625039547498496_secret_abc";

  test("the secret comes from the query or from the program before", () => {
    expect(clientSecretOf({ query: { client_secret: secret } })).toBe(secret);
    expect(clientSecretOf({ query: {}, referrerInfo: { extraData: { client_secret: secret } } })).toBe(secret);
    expect(intentIdOf(secret)).toBe("pi_1666625039547498496");
  });

  test.each([undefined, null, {}, { query: { client_secret: "pi_1/../x_secret_" } }, { query: { client_secret: 7 } }])(
    "%p holds no secret",
    (options) => {
      expect(clientSecretOf(options)).toBe("");
    },
  );
});

describe("cashier parameters", () => {
  test("a missing or numeric field is refused before the cashier sees it", () => {
    const whole = { timeStamp: "1", nonceStr: "n", package: "p", signType: "RSA", paySign: "s" };
    const intent = (params) => ({ next_action: { type: "t", wechat_pay_mini_program_params: params } });
    expect(cashierParamsOf(intent(whole))).toEqual(whole);
    expect(cashierParamsOf({})).toBeNull();
    expect(() => cashierParamsOf(intent({ ...whole, timeStamp: 1 }))).toThrow("timeStamp");
    expect(() => cashierParamsOf(intent({ ...whole, paySign: "" }))).toThrow("paySign");
    expect(() => cashierParamsOf(intent(undefined))).toThrow("timeStamp");
  });
});

/**
 * One payment: confirm, open the cashier, wait for the server; what the cashier reports moves nothing.
 */
const { cashierParamsOf } = require("./api.js");
const { codeOf, mayPass } = require("./failure.js");
const { askUntil } = require("./wait.js");

/** After "cancel" or "fail" the money may still have moved: so many answers of the server are read first. */
const ANSWERS_AFTER_CANCEL = 3;
const TERMINAL_STATUSES = ["succeeded", "canceled"];

/**
 * How a payment ended, by the server's word. `unpaid` and `declined` may be paid again, `unknown` asked again.
 * @typedef {object} Ending
 * @property {"paid" | "canceled" | "declined" | "unpaid" | "unknown" | "stopped"} kind
 * @property {import("./api.js").Intent} intent as last seen
 */

/**
 * @typedef {object} PayParts
 * @property {Pick<WechatMiniprogram.Wx, "requestPayment">} wx
 * @property {import("./api.js").BuyerApi} api
 * @property {import("./login.js").Login} login
 * @property {import("./clock.js").Clock} clock
 */

/**
 * @typedef {object} PayOrder
 * @property {string} clientSecret
 * @property {import("./wait.js").Watch} watch
 * @property {(step: "login" | "confirm" | "cashier" | "wait", intent?: import("./api.js").Intent) => void} onStep
 */

/**
 * @param {PayParts} parts
 * @param {PayOrder} order
 * @returns {Promise<Ending>}
 * @throws {import("./failure.js").Failure} when the server refuses, or cannot be reached to confirm
 */
async function pay(parts, order) {
  const confirmed = await confirmOrRead(parts, order);
  const ready = await resolved(parts, order, confirmed);
  const params = ready.kind === null ? cashierParamsOf(ready.intent) : null;
  if (!params) {
    return { kind: ready.kind || "unknown", intent: ready.intent };
  }
  order.onStep("cashier", ready.intent);
  return waitOutCashier(parts, order, { params, intent: ready.intent });
}

/**
 * Ask the server, without confirming, how the payment stands, until it has an end or time is over.
 * @param {Pick<PayParts, "api" | "clock">} parts
 * @param {PayOrder} order
 * @param {import("./api.js").Intent} intent as last seen
 * @returns {Promise<Ending>}
 */
async function awaitEnd({ api, clock }, { clientSecret, watch, onStep }, intent) {
  let last = intent;
  onStep("wait", intent);
  watch.hurry();
  const ending = await askUntil({
    retrieve: () => api.retrieve(clientSecret),
    clock,
    watch,
    verdict: (seen) => {
      last = seen;
      return endingOf(seen);
    },
  });
  return ending || { kind: watch.isStopped() ? "stopped" : "unknown", intent: last };
}

/**
 * @param {import("./api.js").Intent} intent
 * @returns {Ending | null} null while the server has not decided
 */
function endingOf(intent) {
  switch (intent.status) {
    case "succeeded":
      return { kind: "paid", intent };
    case "canceled":
      return { kind: "canceled", intent };
    case "requires_payment_method":
      return { kind: intent.last_payment_error ? "declined" : "unpaid", intent };
    default:
      return null;
  }
}

/**
 * A refused confirm may mean that the intent has ended meanwhile, so the server's word is read before giving up.
 * @param {PayParts} parts
 * @param {PayOrder} order
 */
async function confirmOrRead(parts, order) {
  try {
    return await confirmLoggedIn(parts, order);
  } catch (error) {
    const intent = mayPass(error) ? null : await parts.api.retrieve(order.clientSecret);
    if (intent && TERMINAL_STATUSES.includes(intent.status)) {
      return intent;
    }
    throw error;
  }
}

/**
 * Confirm with the session at hand; a session that the server no longer knows is renewed once.
 * @param {PayParts} parts
 * @param {PayOrder} order
 */
async function confirmLoggedIn({ api, login }, { clientSecret, onStep }) {
  onStep("login");
  const token = await login.token();
  onStep("confirm");
  try {
    return await api.confirm(clientSecret, token);
  } catch (error) {
    if (codeOf(error) !== "login_required") {
      throw error;
    }
  }
  login.forget();
  onStep("login");
  const renewed = await login.token();
  onStep("confirm");
  return api.confirm(clientSecret, renewed);
}

/**
 * `requires_action` without `next_action` is being resolved: wait until there is something to open, or an end.
 * @param {PayParts} parts
 * @param {PayOrder} order
 * @param {import("./api.js").Intent} confirmed
 * @returns {Promise<{kind: Ending["kind"] | null, intent: import("./api.js").Intent}>}
 */
async function resolved({ api, clock }, { clientSecret, watch, onStep }, confirmed) {
  /** @param {import("./api.js").Intent} intent */
  const verdict = (intent) => endingOf(intent) || (intent.next_action ? { kind: null, intent } : null);
  const atOnce = verdict(confirmed);
  if (atOnce) {
    return atOnce;
  }
  onStep("confirm", confirmed);
  let last = confirmed;
  const later = await askUntil({
    retrieve: () => api.retrieve(clientSecret),
    clock,
    watch,
    verdict: (intent) => {
      last = intent;
      return verdict(intent);
    },
  });
  return later || { kind: watch.isStopped() ? "stopped" : "unknown", intent: last };
}

/**
 * The server is asked from the moment the cashier opens, since the cashier may never answer.
 * @param {PayParts} parts
 * @param {PayOrder} order
 * @param {{params: import("./api.js").CashierParams, intent: import("./api.js").Intent}} opening
 * @returns {Promise<Ending>}
 */
async function waitOutCashier({ wx, api, clock }, order, { params, intent }) {
  const { clientSecret, watch, onStep } = order;
  let last = intent;
  let answersLeft = Infinity;
  let over = false;
  const reported = openCashier(wx, params).catch(() => "fail");
  reported.then((report) => {
    if (over || watch.isStopped()) {
      return;
    }
    answersLeft = report === "ok" ? Infinity : ANSWERS_AFTER_CANCEL;
    onStep("wait", last);
    watch.hurry();
  });
  /** @type {Promise<Ending | null>} */
  const asking = askUntil({
    retrieve: () => api.retrieve(clientSecret),
    clock,
    watch,
    verdict: (seen) => {
      last = seen;
      answersLeft -= 1;
      const end = endingOf(seen);
      return end || (answersLeft <= 0 ? { kind: "unpaid", intent: seen } : null);
    },
  });
  const finish = () => {
    over = true;
  };
  asking.then(finish, finish);
  return (await asking) || { kind: watch.isStopped() ? "stopped" : "unknown", intent: last };
}

/**
 * Five parameters, not `appId`; `signType` always, because without it WeChat assumes MD5.
 * Reference: WeChat Pay mini program invocation, `wx.requestPayment`.
 * @param {Pick<WechatMiniprogram.Wx, "requestPayment">} wx
 * @param {import("./api.js").CashierParams} params
 * @returns {Promise<"ok" | "cancel" | "fail">} what the cashier says, which is not evidence; may never resolve
 */
function openCashier(wx, params) {
  return new Promise((resolve) => {
    wx.requestPayment({
      timeStamp: params.timeStamp,
      nonceStr: params.nonceStr,
      package: params.package,
      signType: params.signType,
      paySign: params.paySign,
      success: () => resolve("ok"),
      fail: ({ errMsg }) => resolve(/cancel/.test(errMsg) ? "cancel" : "fail"),
    });
  });
}

module.exports = { awaitEnd, endingOf, pay };

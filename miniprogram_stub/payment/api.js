/**
 * The buyer's side of wxbackend: log in, retrieve and confirm, by publishable key and client secret alone.
 */
const { intentIdOf, recordOf } = require("./entry.js");
const { failure } = require("./failure.js");
const { sendJson } = require("./http.js");

/**
 * The six strings that wxbackend hands over; `appId` is signed but not passed to `wx.requestPayment`.
 * @typedef {object} CashierParams
 * @property {string} appId
 * @property {string} timeStamp seconds, as text
 * @property {string} nonceStr
 * @property {string} package
 * @property {"RSA" | "MD5" | "HMAC-SHA256"} signType
 * @property {string} paySign
 */

/**
 * The part of a PaymentIntent that a buyer may see.
 * @typedef {object} Intent
 * @property {string} id
 * @property {string} status
 * @property {number} amount integer minor units
 * @property {string} currency
 * @property {string} [description]
 * @property {{type: string, wechat_pay_mini_program_params?: CashierParams} | null} [next_action]
 * @property {{code?: string, message?: string} | null} [last_payment_error]
 */

/**
 * @typedef {object} LoginSession
 * @property {string} token
 * @property {number} expires_at milliseconds since the epoch
 */

/**
 * @typedef {object} BuyerApi
 * @property {(code: string) => Promise<LoginSession>} login
 * @property {(clientSecret: string) => Promise<Intent>} retrieve
 * @property {(clientSecret: string, token: string) => Promise<Intent>} confirm
 */

/**
 * @param {object} parts
 * @param {Pick<WechatMiniprogram.Wx, "request">} parts.wx
 * @param {{apiUrl: string, publishableKey: string, appId?: string}} parts.config
 * @returns {BuyerApi}
 */
function createBuyerApi({ wx, config }) {
  const authorization = { Authorization: `Bearer ${config.publishableKey}` };

  /** @param {string} clientSecret */
  const intentUrl = (clientSecret) =>
    `${config.apiUrl}/v1/payment_intents/${intentIdOf(clientSecret)}`;

  return {
    async login(code) {
      const url = `${config.apiUrl}/v1/wechat/mini_program/login`;
      const body = config.appId ? { code, app_id: config.appId } : { code };
      return asSession(await sendJson(wx, { method: "POST", url, header: authorization, body }));
    },

    async retrieve(clientSecret) {
      const header = Object.assign({ "Client-Secret": clientSecret }, authorization);
      return asIntent(await sendJson(wx, { method: "GET", url: intentUrl(clientSecret), header }));
    },

    async confirm(clientSecret, token) {
      const url = `${intentUrl(clientSecret)}/confirm`;
      const header = Object.assign(
        { "Client-Secret": clientSecret, "Wx-Session": token },
        authorization,
      );
      const body = {
        payment_method_data: { type: "wechat_pay" },
        payment_method_options: { wechat_pay: { terminal_type: "mini_program" } },
      };
      return asIntent(await sendJson(wx, { method: "POST", url, header, body }));
    },
  };
}

/**
 * @param {Record<string, unknown>} answer
 * @returns {LoginSession}
 */
function asSession({ token, expires_at: expiresAt }) {
  if (typeof token !== "string" || !Number.isSafeInteger(expiresAt)) {
    throw failure("bad_answer", "the login answer holds no session");
  }
  return { token, expires_at: /** @type {number} */ (expiresAt) };
}

/**
 * @param {Record<string, unknown>} answer
 * @returns {Intent}
 */
function asIntent(answer) {
  const { id, status, amount, currency } = answer;
  if (
    typeof id !== "string" ||
    typeof status !== "string" ||
    typeof currency !== "string" ||
    !Number.isSafeInteger(amount)
  ) {
    throw failure("bad_answer", "the answer is not a payment intent");
  }
  return /** @type {Intent} */ (/** @type {unknown} */ (answer));
}

/**
 * @param {Intent} intent
 * @returns {CashierParams | null} what opens the cashier, or null while there is nothing to open
 * @throws {import("./failure.js").Failure} `cashier_params_missing` when a field is absent or not text
 */
function cashierParamsOf(intent) {
  if (!intent.next_action) {
    return null;
  }
  const params = recordOf(intent.next_action.wechat_pay_mini_program_params);
  const names = ["timeStamp", "nonceStr", "package", "signType", "paySign"];
  const missing = names.filter((name) => typeof params[name] !== "string" || !params[name]);
  if (missing.length > 0) {
    throw failure("cashier_params_missing", `next_action lacks ${missing.join(", ")}`);
  }
  return /** @type {CashierParams} */ (/** @type {unknown} */ (params));
}

module.exports = { cashierParamsOf, createBuyerApi };

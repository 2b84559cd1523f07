/**
 * What the buyer reads in each state; the words follow the server's status, never the cashier's report.
 */
const { formatMinor } = require("./money.js");

/**
 * @typedef {object} View
 * @property {string} phase a name for styles and tests
 * @property {string} title
 * @property {string} hint
 * @property {string} button its text, empty where there is nothing to tap
 */

/** @type {Record<string, [title: string, hint: string, button: string]>} */
const VIEWS = {
  loading: ["正在读取订单", "", ""],
  ready: ["待支付", "", "立即支付"],
  order: ["正在下单", "请稍候", ""],
  login: ["正在登录", "请稍候", ""],
  confirm: ["正在准备支付", "请稍候", ""],
  cashier: ["等待支付", "请在微信支付页面完成付款", ""],
  wait: ["正在确认", "正在向商户确认支付结果，请勿重复付款", ""],
  paid: ["支付成功", "商户已收到您的付款", ""],
  canceled: ["已取消", "订单已取消，无需付款", ""],
  declined: ["支付未成功", "本次付款未被受理，可以重新支付", "重新支付"],
  unpaid: ["尚未支付", "您可以重新支付", "重新支付"],
  unknown: ["结果待确认", "暂时没有收到支付结果，请稍后查询，请勿重复付款", "查询结果"],
};

/** @type {Record<string, [title: string, hint: string, button: string]>} */
const FAILURES = {
  network_failed: ["网络异常", "请检查网络后重试", "重试"],
  login_failed: ["登录失败", "微信登录没有成功，请重试", "重试"],
  login_required: ["登录已失效", "请重新登录后支付", "重试"],
  snapshot_user_may_not_pay: ["无法支付", "当前为游客身份，请使用微信完整服务后支付", "重试"],
  nothing_to_pay: ["没有待支付的订单", "请从商户页面重新进入", ""],
  cashier_params_missing: ["无法支付", "支付参数不完整，请联系商户", "重试"],
};

/** @type {[title: string, hint: string, button: string]} */
const UNEXPECTED = ["暂时无法支付", "服务异常，请稍后重试", "重试"];

/**
 * @param {string} phase a key of the table above
 * @returns {View}
 */
function viewOf(phase) {
  const [title, hint, button] = VIEWS[phase] || UNEXPECTED;
  return { phase, title, hint, button };
}

/**
 * @param {string} code of a failure
 * @returns {View}
 */
function viewOfFailure(code) {
  const [title, hint, button] = FAILURES[code] || UNEXPECTED;
  return { phase: "failed", title, hint, button };
}

/**
 * @param {import("./api.js").Intent | null | undefined} intent
 * @returns {{amount: string, description: string}} texts, empty while nothing is known
 */
function purchaseTexts(intent) {
  if (!intent) {
    return { amount: "", description: "" };
  }
  return {
    amount: formatMinor(intent.amount, intent.currency),
    description: intent.description || "",
  };
}

module.exports = { purchaseTexts, viewOf, viewOfFailure };

/* The payment code that a shop scans: shown while its page is open, renewed before it runs out, and the question for the PIN. */

import * as desk from "./desk.js";
import { fill, h, two } from "./dom.js";

const RENEW_BEFORE_MS = 2000;
const GROUPS = /(\d{4})(\d{4})(\d{4})(\d{4})(\d{2})/;
const PIN = { pay: "pay", wrong_password: "wrong_password", no_money: "no_money", cancel: "cancel", fail: "cancel" };

const at = (id) => document.getElementById(id);
let renewal = null;
let shownFor = "";

/** Shows a fresh code of the buyer's, and goes on showing fresh ones while the page is open. */
export async function showCode(buyer) {
  clearTimeout(renewal);
  shownFor = buyer.id;
  const shown = await desk.post(`/_desk/buyers/${buyer.id}/payment_code`);
  const digits = h("output", { class: "digits", "data-code": shown.code }, shown.code.replace(GROUPS, "$1 $2 $3 $4 $5"));
  fill(at("code"), digits, h("p", { class: "note" }, two(
    `${shown.lives_s} 秒内有效，只能用一次；会自动更换。`,
    `Good for ${shown.lives_s} seconds and for one payment; it renews itself.`,
  )));
  renewal = setTimeout(() => isOpen() && showCode(buyer).catch(() => null), shown.lives_s * 1000 - RENEW_BEFORE_MS);
}

/** Keeps the page in step with the buyer: a code when it is opened or the buyer changes, none while it is closed. */
export async function keepCode(buyer) {
  if (!isOpen()) {
    clearTimeout(renewal);
    shownFor = "";
  } else if (shownFor !== buyer.id) {
    await showCode(buyer);
  }
}

export function isOpen() {
  return !at("panel-code").hidden;
}

/** What the buyer does with the question for the PIN, told to WeChat; answers as a cashier does. */
export async function typePin(buyer, order, outcome) {
  const told = { out_trade_no: order.out_trade_no, outcome: PIN[outcome] || "pay" };
  const after = await desk.post(`/_desk/buyers/${buyer.id}/pin`, told);
  if (after.trade_state === "SUCCESS") {
    return { err_msg: "pin:ok" };
  }
  if (outcome === "wrong_password") {
    return { err_msg: "pin:fail", err_desc: "支付密码错误" };
  }
  return outcome === "cancel" ? { err_msg: "pin:cancel" } : { err_msg: "pin:fail", err_desc: "支付失败 The payment failed" };
}

/* The cashier inside somebody's page: takes the parameters from the page around it and answers only that page. */

import { openCashier } from "./cashier.js";
import { applyLanguage } from "./dom.js";
import * as desk from "./desk.js";

const LOOPBACK = /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/;
const NOT_REGISTERED = { err_msg: "get_brand_wcpay_request:fail", err_desc: "当前页面的URL未注册" };

let asked = null;

/** WeChat pays only for registered pages; here those on this computer and on the simulator's own host. */
function registered(origin) {
  const host = new URL(origin).hostname;
  return LOOPBACK.test(host) || host === location.hostname;
}

async function serve(channel, params) {
  const buyer = await desk.buyer();
  const submit = (outcome) => desk.pay(buyer, channel, params, outcome);
  const [order, failure] = await Promise.all([desk.orderOf(params.package), desk.preview(buyer, channel, params)]);
  return openCashier(document.getElementById("cashier"), { order, buyer, failure, submit });
}

window.addEventListener("message", async (event) => {
  const message = event.data || {};
  if (asked || event.source !== window.parent || message.type !== "cashier:open" || !/^https?:/.test(event.origin)) {
    return;
  }
  asked = event.origin;
  let answer = NOT_REGISTERED;
  if (registered(event.origin)) {
    try {
      answer = await serve("official_account", message.params || {});
    } catch (error) {
      answer = { err_msg: "get_brand_wcpay_request:fail", err_desc: error.message };
    }
  }
  const said = answer.err_msg ? { err_msg: answer.err_msg, err_desc: answer.err_desc || "" } : null;
  window.parent.postMessage({ type: "cashier:said", result: said }, asked);
});

applyLanguage();
window.parent.postMessage({ type: "cashier:ready" }, "*");

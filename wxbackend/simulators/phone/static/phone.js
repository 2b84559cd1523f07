/* The telephone: pages, buyer, waiting orders, payment codes, links, parameters and bills; all it knows it asks of the desk. */

import { openCashier } from "./cashier.js";
import { isOpen, keepCode, showCode, typePin } from "./code.js";
import * as desk from "./desk.js";
import { applyLanguage, fill, h, two, yuan } from "./dom.js";
import { setUpNotices } from "./notices.js";
import { readParams } from "./params.js";
import { setUpTransfers } from "./transfers.js";
import { setUpTricks } from "./tricks.js";

const REFRESH_MS = 2000;
const TOAST_MS = 4000;
const SAID_MAX = 8;

const at = (id) => document.getElementById(id);
let buyer = null;
let shownOrders = "";
let toastTimer = null;
let cashierOpen = false;

function toast(...words) {
  clearTimeout(toastTimer);
  fill(at("toast"), ...words);
  at("toast").classList.add("up");
  toastTimer = setTimeout(() => at("toast").classList.remove("up"), TOAST_MS);
}

const complain = (error) => toast(error.message);

// ---- pages of the telephone

const tabs = [...document.querySelectorAll("[role=tab]")];

function turnTo(tab) {
  for (const each of tabs) {
    const chosen = each === tab;
    each.setAttribute("aria-selected", String(chosen));
    each.tabIndex = chosen ? 0 : -1;
    at(each.getAttribute("aria-controls")).hidden = !chosen;
  }
  refresh().catch(complain);
}

function moveAmongTabs(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) {
    const next = tabs[(tabs.indexOf(event.target.closest("[role=tab]")) + step + tabs.length) % tabs.length];
    turnTo(next);
    next.focus();
  }
}

// ---- the buyer

async function fillBuyers() {
  const everyone = desk.listOf(await desk.get("/_desk/buyers"));
  fill(at("buyer"), ...everyone.map((each) =>
    h("option", { value: each.id, selected: each.id === buyer.id }, each.name === each.id ? each.id : `${each.name} · ${each.id}`)));
}

async function become(id) {
  desk.chooseBuyer(id);
  buyer = await desk.buyer();
  shownOrders = "";
  await fillBuyers();
  await refresh();
}

async function newBuyer() {
  const names = ["小红", "小刚", "阿芳", "老王", "小丽"];
  const count = at("buyer").options.length;
  const made = await desk.post("/_desk/buyers", { name: names[(count - 1) % names.length] });
  await become(made.id);
  toast(two(`现在是 ${made.name}`, `Now you are ${made.name}`));
}

// ---- waiting orders and bills

const REFUND_STATES = {
  PROCESSING: ["退款中", "refund on its way"],
  SUCCESS: ["已退款", "refunded"],
  ABNORMAL: ["退款异常，请联系商户", "refund failed to arrive, ask the shop"],
  CLOSED: ["退款关闭", "refund closed"],
};

function refundLine(refund) {
  const [chinese, english] = REFUND_STATES[refund.state];
  return h("small", { class: "refund", "data-state": refund.state },
    two(`${chinese} ${yuan(refund.fen)} · ${refund.to}`, `${english} ${yuan(refund.fen)}`));
}

function row(order, action) {
  const inside = [
    h("span", { class: "what" }, order.description, h("small", {}, `${order.out_trade_no} · ${order.at}`),
      ...(order.refunds || []).map(refundLine)),
    h("span", { class: "sum" }, yuan(order.total)),
  ];
  return h("li", {}, action
    ? h("button", { type: "button", "data-order": order.out_trade_no, onclick: action }, ...inside)
    : h("div", {}, ...inside));
}

async function refresh() {
  buyer = await desk.buyer();
  const answer = await desk.get(`/phone/orders?${new URLSearchParams({ buyer: buyer.id })}`);
  at("balance").textContent = yuan(buyer.balance);
  await keepCode(buyer);
  if (answer.asked.length && isOpen() && !cashierOpen) {
    askPin(answer.asked[0]).catch(complain);
  }
  at("badge").hidden = answer.waiting.length === 0;
  at("badge").textContent = answer.waiting.length;
  const now = JSON.stringify([buyer.id, answer]);
  if (now !== shownOrders) {
    shownOrders = now;
    fill(at("waiting"), ...(answer.waiting.length ? answer.waiting.map((order) => row(order, () => paySoon(order))) : [empty(
      "还没有等您付款的订单。商户下单后，会自动出现在这里。",
      "No order is waiting for you. It appears here by itself once the merchant has created one.",
    )]));
    fill(at("history"), ...(answer.paid.length ? answer.paid.map((order) => row(order)) : [empty("还没有付过款。", "Nothing paid yet.")]));
  }
}

function empty(chinese, english) {
  return h("li", { class: "empty" }, two(chinese, english));
}

async function withCashier(visit) {
  at("screen").inert = true;
  cashierOpen = true;
  try {
    return await openCashier(at("cashier"), { buyer, ...visit });
  } finally {
    at("screen").inert = false;
    cashierOpen = false;
    refresh().catch(complain);
  }
}

async function askPin(order) {
  const answer = await withCashier({ order, submit: (outcome) => typePin(buyer, order, outcome) });
  toast(answer.err_msg);
  await showCode(buyer);
}

async function paySoon(order) {
  const answer = await withCashier({
    order,
    shortcut: true,
    submit: (outcome) => desk.post(`/_desk/buyers/${buyer.id}/pay_order`, { out_trade_no: order.out_trade_no, outcome }),
  });
  toast(answer.err_msg || "…", answer.err_msg === null ? two("微信什么也没说", "WeChat said nothing") : "");
}

// ---- links and parameters

function openLink(event) {
  event.preventDefault();
  const text = at("link").value.trim();
  let url = null;
  try {
    url = new URL(text);
  } catch (error) {
    url = null;
  }
  if (!url || !/^https?:$/.test(url.protocol)) {
    fill(at("link-problem"), two("只能打开 http 或 https 网址", "Only http and https addresses can be opened"));
    return;
  }
  location.assign(url.href);
}

async function scanCode(event) {
  event.preventDefault();
  fill(at("scan-problem"));
  const code = at("scanned").value.trim();
  const order = await desk.orderOfCode(code);
  const opened = await desk.scan(buyer, code, "cancel");
  const failure = /cancel$/.test(opened.err_msg) ? null : opened;
  const answer = await withCashier({ order, failure, submit: (outcome) => desk.scan(buyer, code, outcome) });
  fill(at("scan-problem"), answer.err_desc || "");
}

async function handOver(event) {
  event.preventDefault();
  fill(at("params-problem"));
  const found = readParams(at("answer").value, at("channel").value);
  if (found.problem) {
    fill(at("params-problem"), two(...found.problem));
    return;
  }
  const { channel, params } = found;
  const prepay = params.prepayid || params.package;
  const [order, failure] = await Promise.all([desk.orderOf(prepay), desk.preview(buyer, channel, params)]);
  const answer = await withCashier({ order, failure, submit: (outcome) => desk.pay(buyer, channel, params, outcome) });
  const time = new Date().toLocaleTimeString();
  at("said").prepend(h("li", {}, h("code", {}, answer.err_msg === null ? "（什么也没说 · nothing said）" : answer.err_msg),
    answer.err_desc ? h("span", {}, answer.err_desc) : null, h("small", {}, `${channel} · ${time}`)));
  while (at("said").children.length > SAID_MAX) {
    at("said").lastChild.remove();
  }
}

// ---- opening

function showLanguage(wanted) {
  const language = applyLanguage(wanted);
  at("language").textContent = language === "en" ? "中文" : "English";
}

async function tick() {
  at("clock").textContent = new Date().toLocaleTimeString("zh-CN", { hour: "numeric", minute: "2-digit", hour12: false });
  if (!document.hidden) {
    await refresh().catch(() => null);
  }
  setTimeout(tick, REFRESH_MS);
}

showLanguage();
at("language").addEventListener("click", () => showLanguage(document.documentElement.dataset.words === "en" ? "zh" : "en"));
for (const tab of tabs) {
  tab.addEventListener("click", () => turnTo(tab));
  tab.addEventListener("keydown", moveAmongTabs);
}
at("buyer").addEventListener("change", () => become(at("buyer").value).catch(complain));
at("new-buyer").addEventListener("click", () => newBuyer().catch(complain));
at("new-code").addEventListener("click", () => showCode(buyer).catch(complain));
at("open-link").addEventListener("submit", openLink);
at("scan").addEventListener("submit", (event) => scanCode(event).catch(complain));
at("hand-over").addEventListener("submit", (event) => handOver(event).catch(complain));
setUpTransfers(toast, complain);
setUpTricks(toast, complain);
setUpNotices(toast, complain);
desk.buyer().then((found) => become(found.id)).catch(complain).then(tick);

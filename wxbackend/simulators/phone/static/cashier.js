/* WeChat's cashier sheet: shows the order, takes six digits, and reports what the desk answered. */

import { fill, h, two, yuan } from "./dom.js";

const PASSWORD = "123456";
const DIGITS = 6;

const MISCHIEF = [
  ["pay_but_report_cancel", "付了款，微信却崩溃（报告取消）", "Paid, but the app crashed (reports cancel)"],
  ["pay_and_say_nothing", "付了款，什么也不报告", "Paid, and nothing is reported"],
  ["no_money", "零钱余额不足", "Not enough money"],
  ["fail", "付款失败", "The payment fails"],
];

/**
 * Opens the sheet in `host`. `visit` is {order, buyer, shortcut, failure, submit}: order may be null when WeChat does
 * not know it, failure is an answer that stops the sheet at once, submit(outcome) asks the desk. Resolves with the answer
 * {err_msg, err_desc}, whose err_msg is null when nothing is to be said.
 */
export function openCashier(host, visit) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const sheet = h("div", { class: "cashier", role: "dialog", "aria-modal": "true", "aria-label": "微信收银台 WeChat cashier" });
    const screen = { host, sheet, visit, typed: "", busy: false, close };
    const hear = (event) => pressKey(screen, event);
    function close(answer) {
      document.removeEventListener("keydown", hear);
      host.replaceChildren();
      host.hidden = true;
      if (before && before.focus) {
        before.focus();
      }
      resolve(answer);
    }
    fill(host, sheet);
    host.hidden = false;
    document.addEventListener("keydown", hear);
    if (visit.failure) {
      showFailure(screen, visit.failure);
    } else {
      showOrder(screen);
    }
  });
}

function showOrder(screen) {
  const { order, buyer, shortcut } = screen.visit;
  screen.problem = h("p", { class: "problem", role: "alert" });
  screen.dots = h("div", { class: "dots", role: "img" });
  screen.pay = h("button", { type: "button", class: "pay", "data-act": "pay", onclick: () => enter(screen) }, two("支付", "Pay"));
  fill(
    screen.sheet,
    h("button", { type: "button", class: "close", "data-act": "cancel", onclick: () => act(screen, "cancel") },
      h("span", { "aria-hidden": "true" }, "×"), h("span", { class: "spoken" }, "取消 Cancel")),
    h("p", { class: "merchant" }, order ? order.merchant : "—"),
    h("p", { class: "amount" }, order ? yuan(order.total) : "¥ —"),
    h("p", { class: "what" }, order ? order.description : ""),
    h("p", { class: "method" }, h("span", {}, two("付款方式", "Paid from")),
      h("span", {}, `零钱 · ${buyer.name} · ${yuan(buyer.balance)}`)),
    h("p", { class: "hint" }, two(`请输入支付密码（模拟密码 ${PASSWORD}）`, `Payment password (here ${PASSWORD}; anything else is wrong)`)),
    screen.dots,
    screen.problem,
    keypad(screen),
    screen.pay,
    mischief(screen),
    shortcut ? h("p", { class: "hint" }, two("此捷径不检查签名参数", "This shortcut skips the check of the signed parameters")) : null,
  );
  showTyped(screen);
  screen.sheet.querySelector(".keypad button").focus();
}

function keypad(screen) {
  const pad = h("div", { class: "keypad", role: "group", "aria-label": "密码键盘 keypad" });
  for (const digit of "123456789") {
    pad.append(h("button", { type: "button", onclick: () => type(screen, digit) }, digit));
  }
  pad.append(
    h("button", { type: "button", class: "small", "data-act": "fill", onclick: () => type(screen, PASSWORD) }, PASSWORD),
    h("button", { type: "button", onclick: () => type(screen, "0") }, "0"),
    h("button", { type: "button", class: "small", "aria-label": "删除 delete", onclick: () => erase(screen) }, "⌫"),
  );
  return pad;
}

function mischief(screen) {
  return h("details", { class: "what-if" }, h("summary", {}, two("如果……（捣乱）", "What if … (mischief)")),
    ...MISCHIEF.map(([outcome, chinese, english]) =>
      h("button", { type: "button", "data-act": outcome, onclick: () => act(screen, outcome) }, two(chinese, english))));
}

function pressKey(screen, event) {
  if (event.key === "Escape") {
    event.preventDefault();
    (screen.leave || (() => act(screen, "cancel")))();
  } else if (event.key === "Tab") {
    keepFocus(screen, event);
  } else if (screen.pay && screen.pay.isConnected && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (/^\d$/.test(event.key)) {
      type(screen, event.key);
    } else if (event.key === "Backspace") {
      erase(screen);
    }
  }
}

function keepFocus(screen, event) {
  const stops = [...screen.sheet.querySelectorAll("button:not(:disabled), summary")].filter((stop) => stop.offsetParent);
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  if (document.activeElement === edge) {
    event.preventDefault();
    (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
  }
}

function type(screen, digits) {
  screen.typed = digits.length > 1 ? digits : (screen.typed + digits).slice(0, DIGITS);
  screen.problem.textContent = "";
  showTyped(screen);
}

function erase(screen) {
  screen.typed = screen.typed.slice(0, -1);
  showTyped(screen);
}

function showTyped(screen) {
  screen.dots.setAttribute("aria-label", `${screen.typed.length} / ${DIGITS}`);
  fill(screen.dots, ...Array.from({ length: DIGITS }, (_, index) => h("i", { class: index < screen.typed.length ? "on" : null })));
  screen.pay.disabled = screen.typed.length < DIGITS;
}

function enter(screen) {
  return act(screen, screen.typed === PASSWORD ? "pay" : "wrong_password");
}

async function act(screen, outcome) {
  if (screen.busy) {
    return;
  }
  screen.busy = true;
  screen.sheet.setAttribute("aria-busy", "true");
  try {
    follow(screen, outcome, await screen.visit.submit(outcome));
  } catch (error) {
    showFailure(screen, { err_msg: "", err_desc: error.message });
  } finally {
    screen.busy = false;
    screen.sheet.removeAttribute("aria-busy");
  }
}

/** What the sheet does with the desk's answer: stay open, show the tick, show why not, or vanish. */
function follow(screen, outcome, answer) {
  const said = answer.err_msg || "";
  if (outcome === "wrong_password" && /password|密码/.test(`${answer.err_desc || ""}${said}`)) {
    screen.typed = "";
    showTyped(screen);
    fill(screen.problem, two("支付密码错误，请重试", "Wrong password, try again"));
    screen.sheet.querySelector(".keypad button").focus();
  } else if (/(:ok|errCode:0)$/.test(said)) {
    showSuccess(screen, answer);
  } else if (answer.err_msg === null || /(cancel|errCode:-2)$/.test(said)) {
    screen.close(answer);
  } else {
    showFailure(screen, answer);
  }
}

function showSuccess(screen, answer) {
  const { order } = screen.visit;
  showEnd(screen, answer, [
    h("div", { class: "tick", "aria-hidden": "true" }),
    h("h2", {}, two("支付成功", "Paid")),
    h("p", { class: "amount" }, order ? yuan(order.total) : ""),
    h("p", { class: "merchant" }, order ? order.merchant : ""),
  ], "完成", "Done");
}

function showFailure(screen, answer) {
  showEnd(screen, answer, [
    h("div", { class: "cross", "aria-hidden": "true" }, "!"),
    h("h2", {}, two("无法支付", "Cannot pay")),
    h("p", { class: "problem", role: "alert" }, answer.err_desc || answer.err_msg),
  ], "知道了", "Close");
}

function showEnd(screen, answer, content, chinese, english) {
  screen.leave = () => screen.close(answer);
  const button = h("button", { type: "button", class: "pay", "data-act": "done", onclick: screen.leave }, two(chinese, english));
  fill(screen.sheet, h("div", { class: "end", role: "status" }, ...content), button);
  button.focus();
}

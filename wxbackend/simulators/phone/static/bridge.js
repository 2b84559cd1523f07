/* Lent to pages outside WeChat: defines WeixinJSBridge and opens the simulator's cashier in a frame over the page. */
(function () {
  "use strict";

  if (window.WeixinJSBridge || /MicroMessenger/i.test(navigator.userAgent)) {
    return;
  }

  const HOME = new URL(document.currentScript.src).origin;
  const CASHIER = HOME + "/phone/cashier";
  const CASHIER_WAIT_MS = 10000;
  let visit = null;

  function style(element, rules) {
    Object.keys(rules).forEach(function (name) { element.style.setProperty(name, rules[name]); });
  }

  function close() {
    clearTimeout(visit.late);
    visit.frame.remove();
    visit = null;
  }

  /** A cashier that does not load would cover the page for ever. */
  function giveUp() {
    const callback = visit.callback;
    close();
    callback({ err_msg: "get_brand_wcpay_request:fail", err_desc: "模拟器没有响应 the simulator does not answer" });
  }

  function openCashier(params, callback) {
    if (visit) {
      close();
    }
    const frame = document.createElement("iframe");
    frame.src = CASHIER;
    frame.title = "微信收银台（模拟） Simulated WeChat cashier";
    style(frame, {
      position: "fixed", inset: "0", width: "100%", height: "100%", border: "0",
      "z-index": "2147483647", background: "transparent", "color-scheme": "light",
    });
    visit = { frame: frame, params: JSON.parse(JSON.stringify(params || {})), callback: callback || function () {} };
    visit.late = setTimeout(giveUp, CASHIER_WAIT_MS);
    document.body.appendChild(frame);
    frame.focus();
  }

  function hear(event) {
    if (!visit || event.origin !== HOME || event.source !== visit.frame.contentWindow || !event.data) {
      return;
    }
    if (event.data.type === "cashier:ready") {
      clearTimeout(visit.late);
      visit.frame.contentWindow.postMessage({ type: "cashier:open", params: visit.params }, HOME);
    } else if (event.data.type === "cashier:said") {
      const callback = visit.callback;
      close();
      if (event.data.result) {
        callback(event.data.result);
      }
    }
  }

  function invoke(name, params, callback) {
    if (name === "getBrandWCPayRequest") {
      openCashier(params, callback);
    } else if (callback) {
      setTimeout(function () {
        callback({ err_msg: name + ":fail", err_desc: "the simulator's bridge only pays" });
      }, 0);
    }
  }

  /** A small sign that this is not WeChat, and the way back to the telephone. */
  function showSign() {
    const sign = document.createElement("a");
    sign.href = HOME + "/phone";
    sign.textContent = "‹ 模拟微信 Simulated WeChat";
    style(sign, {
      position: "fixed", left: "12px", bottom: "12px", padding: "6px 12px", "border-radius": "16px", "z-index": "2147483646",
      background: "#1f2a24", color: "#d6f5e3", font: "13px/20px system-ui, sans-serif", "text-decoration": "none",
    });
    document.body.appendChild(sign);
  }

  window.addEventListener("message", hear);
  window.WeixinJSBridge = { invoke: invoke, call: function () {}, on: function () {} };
  if (document.body) {
    showSign();
  } else {
    document.addEventListener("DOMContentLoaded", showSign);
  }
  setTimeout(function () { document.dispatchEvent(new Event("WeixinJSBridgeReady")); }, 0);
})();

/* Opens WeChat's cashier; what it reports is only a hint, so it is handed on as one of ok, cancel and fail. */
(function () {
  "use strict";

  const BRIDGE_WAIT_MS = 10000;
  const REPORT_PREFIX = "get_brand_wcpay_request:";

  /** Where the page is: "mini_program" (a web-view, where nothing can pay), "wechat" or "elsewhere". */
  function place() {
    const agent = navigator.userAgent;
    if (window.__wxjs_environment === "miniprogram" || /miniProgram/i.test(agent)) {
      return "mini_program";
    }
    return /MicroMessenger/i.test(agent) ? "wechat" : "elsewhere";
  }

  /** Loads the simulator's bridge once; a failed load may be tried again. */
  function lend(url) {
    if (window.WeixinJSBridge || document.querySelector("script[data-lent-bridge]")) {
      return;
    }
    const script = document.createElement("script");
    script.src = url;
    script.setAttribute("data-lent-bridge", "");
    script.onerror = function () {
      script.remove();
      document.dispatchEvent(new Event("wxbackend:bridge-failed"));
    };
    document.head.appendChild(script);
  }

  /** Resolves when WeixinJSBridge can be called; rejects after ten seconds or when the lent one cannot be loaded. */
  function ready(lentUrl) {
    return new Promise(function (resolve, reject) {
      if (window.WeixinJSBridge) {
        resolve();
        return;
      }
      const late = setTimeout(function () { finish(reject); }, BRIDGE_WAIT_MS);
      const arrived = function () { finish(resolve); };
      const failed = function () { finish(reject); };
      function finish(outcome) {
        clearTimeout(late);
        document.removeEventListener("WeixinJSBridgeReady", arrived);
        document.removeEventListener("wxbackend:bridge-failed", failed);
        outcome();
      }
      document.addEventListener("WeixinJSBridgeReady", arrived);
      document.addEventListener("wxbackend:bridge-failed", failed);
      if (lentUrl) {
        lend(lentUrl);
      }
    });
  }

  /** What the cashier's answer means, or null for the early "pre_verify_jsapi:ok", which means nothing. */
  function understand(result) {
    const word = String((result && (result.err_msg || result.errMsg)) || "");
    if (word.indexOf("pre_verify_jsapi") === 0) {
      return null;
    }
    if (word === REPORT_PREFIX + "ok") {
      return "ok";
    }
    return word === REPORT_PREFIX + "cancel" ? "cancel" : "fail";
  }

  /** Opens the cashier with the six signed parameters. `said(report, reason)` may be called late, twice or never. */
  function open(params, said) {
    window.WeixinJSBridge.invoke("getBrandWCPayRequest", params, function (result) {
      const report = understand(result);
      if (report) {
        said(report, report === "fail" ? String((result && result.err_desc) || "") : "");
      }
    });
  }

  window.wxbackend = window.wxbackend || {};
  window.wxbackend.bridge = { place: place, ready: ready, open: open };
})();

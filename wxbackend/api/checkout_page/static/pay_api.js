/* The page's own link and its two calls to our API; the client secret travels in a header, never in an address. */
(function () {
  "use strict";

  const REQUEST_TIMEOUT_MS = 20000;
  const POLL_STEPS_MS = [[10, 1000], [20, 2000]];
  const POLL_LAST_MS = 5000;
  const POLL_TOTAL_MS = 15 * 60 * 1000;
  const SLOT = "wxbackend.pay.";

  function recall(name) {
    try {
      return sessionStorage.getItem(SLOT + name) || "";
    } catch (error) {
      return "";
    }
  }

  /** Keeps a value for this tab and says whether it was kept (private modes may refuse). An empty value forgets. */
  function keep(name, value) {
    try {
      if (value) {
        sessionStorage.setItem(SLOT + name, value);
      } else {
        sessionStorage.removeItem(SLOT + name);
      }
      return true;
    } catch (error) {
      return false;
    }
  }

  function webAddress(text) {
    try {
      const url = new URL(text);
      return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
    } catch (error) {
      return "";
    }
  }

  /** Takes the link out of the address bar into the tab's memory, and returns what the tab knows. */
  function readLink() {
    const fresh = new URLSearchParams(location.hash.slice(1));
    let link = {
      key: recall("key"), clientSecret: recall("client_secret"), returnUrl: recall("return_url"),
      appId: recall("app_id"), goBack: recall("go_back"),
    };
    let kept = true;
    if (fresh.get("client_secret")) {
      link = {
        key: fresh.get("key") || "",
        clientSecret: fresh.get("client_secret"),
        returnUrl: webAddress(fresh.get("return_url") || ""),
        appId: fresh.get("app_id") || "",
        goBack: fresh.get("go_back") || "",
      };
      kept = keep("key", link.key) && keep("client_secret", link.clientSecret) && keep("return_url", link.returnUrl) &&
        keep("app_id", link.appId) && keep("go_back", link.goBack) && keep("continue", "");
    }
    link.loginError = new URLSearchParams(location.search).get("login_error") || "";
    link.continuing = recall("continue") === link.clientSecret && link.clientSecret !== "" && !link.loginError;
    keep("continue", "");
    if (kept) {
      history.replaceState(null, "", location.pathname);
    }
    link.intentId = link.clientSecret.split("_secret_")[0];
    link.complete = /^pk_/.test(link.key) && /^pi_\w+_secret_/.test(link.clientSecret);
    return link;
  }

  /** Names and values as a query; values that are empty are left out. */
  function query(values) {
    return Object.keys(values).filter(function (name) { return values[name]; }).map(function (name) {
      return name + "=" + encodeURIComponent(values[name]);
    }).join("&");
  }

  /** The whole link again, for the buyer to carry into WeChat. */
  function wholeLink(link) {
    return location.origin + location.pathname + "#" +
      query({
        key: link.key, client_secret: link.clientSecret, return_url: link.returnUrl,
        app_id: link.appId, go_back: link.goBack,
      });
  }

  /** Resolves with {status, body} for any JSON answer; rejects when there was no answer to trust. */
  function send(link, method, path, body) {
    return new Promise(function (resolve, reject) {
      const request = new XMLHttpRequest();
      request.open(method, path);
      request.timeout = REQUEST_TIMEOUT_MS;
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("Authorization", "Bearer " + link.key);
      request.setRequestHeader("Client-Secret", link.clientSecret);
      if (body) {
        request.setRequestHeader("Content-Type", "application/json");
      }
      request.onload = function () {
        try {
          resolve({ status: request.status, body: JSON.parse(request.responseText) });
        } catch (error) {
          reject(error);
        }
      };
      request.onerror = request.ontimeout = request.onabort = function () {
        reject(new Error("no answer"));
      };
      request.send(body ? JSON.stringify(body) : null);
    });
  }

  function retrieve(link) {
    return send(link, "GET", "/v1/payment_intents/" + encodeURIComponent(link.intentId));
  }

  function confirm(link) {
    return send(link, "POST", "/v1/payment_intents/" + encodeURIComponent(link.intentId) + "/confirm", {
      payment_method_data: { type: "wechat_pay" },
      payment_method_options: { wechat_pay: { terminal_type: "official_account" } },
    });
  }

  /** Leaves for WeChat's login; the page comes back without a fragment and goes on by itself. */
  function logIn(link) {
    keep("continue", link.clientSecret);
    location.replace("/v1/wechat/oauth/start?" + query({
      key: link.key,
      return_url: location.origin + location.pathname,
      app_id: link.appId,
      scope: "snsapi_base",
    }));
  }

  /** Asks again and again on the agreed schedule until stopped. `heard(answer, round)`, answer null when none came. */
  function poller(ask, heard, givenUp) {
    let turn = 0;
    let timer = null;
    let round = 0;
    let since = 0;

    function pause() {
      for (const step of POLL_STEPS_MS) {
        if (round <= step[0]) {
          return step[1];
        }
      }
      return POLL_LAST_MS;
    }

    function next(mine) {
      if (mine !== turn) {
        return;
      }
      if (Date.now() - since > POLL_TOTAL_MS) {
        stop();
        givenUp();
        return;
      }
      round += 1;
      timer = setTimeout(function () { once(mine); }, pause());
    }

    function once(mine) {
      timer = null;
      const at = round;
      ask().catch(function () { return null; }).then(function (answer) {
        if (mine === turn) {
          heard(answer, at);
          next(mine);
        }
      });
    }

    function stop() {
      turn += 1;
      clearTimeout(timer);
      timer = null;
    }

    return {
      start: function () {
        stop();
        round = 0;
        since = Date.now();
        next(turn);
      },
      stop: stop,
      now: function () {
        if (timer !== null) {
          clearTimeout(timer);
          once(turn);
        }
      },
    };
  }

  window.wxbackend = window.wxbackend || {};
  window.wxbackend.payApi = {
    readLink: readLink, wholeLink: wholeLink, retrieve: retrieve, confirm: confirm, logIn: logIn, poller: poller,
  };
})();

/* The pay page's flow: it asks, it opens the cashier, and it shows "paid" only when the server has said so. */
(function () {
  "use strict";

  const words = window.wxbackend.words;
  const bridge = window.wxbackend.bridge;
  const api = window.wxbackend.payApi;

  const ROUNDS_AFTER_REFUSAL = 3;
  const ROUNDS_AFTER_SILENCE = 10;
  const ROUNDS_BEFORE_SLOW = 10;
  const BUSY_RETRIES_MAX = 3;
  const BUSY_PAUSE_MS = 1000;
  const GO_BACK_AFTER_MS = 2000;

  const link = api.readLink();
  const lentUrl = document.querySelector('meta[name="wxbackend-test-bridge"]').content;
  const lent = bridge.place() === "elsewhere" && /^pk_test_/.test(link.key) ? lentUrl : "";

  /* What happened last, which only chooses the words: "" | opening | cashier | ok | cancel | fail | unknown | reload | outside. */
  let phase = "";
  let reason = "";
  let attempt = 0;
  let paying = false;
  let over = false;
  let pressed = false;
  let confirmedAfterLogin = false;

  const poll = api.poller(function () { return api.retrieve(link); }, heard, function () {
    offer("unpaid", words.unsure, words.check, start);
  });

  // ---- what is shown --------------------------------------------------------------------------------------------

  function element(id) {
    return document.getElementById(id);
  }

  function setText(id, text) {
    const target = element(id);
    if (target.textContent !== text) {
      target.textContent = text;
    }
  }

  function setButton(id, label, action) {
    const button = element(id);
    button.hidden = !action;
    button.onclick = action || null;
    setText(id, label || "");
  }

  function show(view, sentences) {
    document.documentElement.setAttribute("data-view", view);
    setText("title", sentences[0]);
    setText("detail", sentences[1]);
    setButton("primary", "", null);
    setButton("secondary", "", null);
    element("steps").hidden = true;
  }

  /** Whoever pressed a button that then vanished finds the focus on the next one. */
  function offer(view, sentences, label, action) {
    show(view, sentences);
    setButton("primary", label, action);
    if (pressed && action && document.activeElement === document.body) {
      element("primary").focus();
    }
  }

  /** Fen to "¥1,234.50" by moving digits, so that no amount is ever rounded. */
  function amountText(intent) {
    const digits = String(intent.amount).padStart(3, "0");
    const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
    return (intent.currency === "CNY" ? "¥" : intent.currency + " ") + whole + "." + digits.slice(-2);
  }

  function showBill(intent) {
    setText("description", intent.description || words.page);
    setText("amount", amountText(intent));
    document.title = words.page + " " + amountText(intent);
    element("test-mode").hidden = intent.livemode !== false;
    setText("test-mode", words.test_mode);
  }

  function showMerchant() {
    if (link.returnUrl) {
      const back = element("merchant");
      back.href = link.returnUrl;
      back.hidden = false;
      setText("merchant", words.back + " · " + new URL(link.returnUrl).host);
    }
  }

  function finish(view, sentences) {
    over = true;
    paying = false;
    poll.stop();
    show(view, sentences);
    showMerchant();
    if (view === "succeeded" && link.goBack && link.returnUrl) {
      setTimeout(function () { location.replace(link.returnUrl); }, GO_BACK_AFTER_MS);
    }
  }

  function block(sentences, label, action) {
    paying = false;
    poll.stop();
    offer("blocked", sentences, label, action);
    showMerchant();
  }

  // ---- what the server says --------------------------------------------------------------------------------------

  function heard(answer, round) {
    if (!answer || answer.status >= 500 || answer.status === 429) {
      if (phase !== "cashier" && phase !== "outside") {
        setText("detail", words.weak);
      }
      return;
    }
    if (answer.status !== 200) {
      refuse(answer);
      return;
    }
    settle(answer.body, round);
  }

  /** The one place that turns the server's status into a view. Only "succeeded" from here is ever shown as paid. */
  function settle(intent, round) {
    showBill(intent);
    if (intent.status === "succeeded") {
      finish("succeeded", words.succeeded);
    } else if (intent.status === "canceled") {
      finish("canceled", words.canceled);
    } else if (phase === "opening" && intent.status === "requires_payment_method") {
      reason = (intent.last_payment_error && intent.last_payment_error.message) || "";
      poll.stop();
      offerAgain(words.declined, words.pay_again);
    } else if (phase === "opening" && paramsOf(intent)) {
      openCashier(paramsOf(intent));
    } else {
      wait(intent, round);
    }
  }

  function wait(intent, round) {
    if (phase === "outside") {
      return;
    }
    const payable = intent.status === "requires_action" || intent.status === "requires_payment_method";
    const refused = phase === "cancel" || phase === "fail" || phase === "unknown" || phase === "reload";
    if (payable && refused && round >= ROUNDS_AFTER_REFUSAL) {
      const sentences = { cancel: words.unpaid_cancel, fail: words.unpaid_fail }[phase] || words.unpaid_reload;
      offerAgain(sentences, phase === "reload" ? words.pay_continue : words.pay_again);
    } else if (payable && phase === "opening" && round >= ROUNDS_AFTER_SILENCE) {
      offerAgain(words.declined, words.pay_again);
    } else if (payable && phase === "cashier" && round >= ROUNDS_AFTER_SILENCE) {
      paying = false;
      setButton("secondary", words.pay_again, pay);
    } else if (phase === "ok" && round >= ROUNDS_BEFORE_SLOW) {
      paying = false;
      show("checking", words.slow);
      setButton("secondary", payable ? words.pay_again : "", payable ? pay : null);
    } else if (phase !== "cashier") {
      show(phase === "opening" ? "working" : "checking", phase === "opening" ? words.working : words.checking);
    }
  }

  function offerAgain(sentences, label) {
    paying = false;
    offer("unpaid", [sentences[0], reason || sentences[1]], label, pay);
  }

  /** An answer that is neither an intent nor a passing weakness. */
  function refuse(answer) {
    const error = (answer.body && answer.body.error) || {};
    if (error.code === "login_required" && !confirmedAfterLogin) {
      leaveToLogIn();
    } else if (error.code === "login_required") {
      block(words.login_lost, words.log_in, leaveToLogIn);
    } else if (error.code === "snapshot_user_may_not_pay") {
      block(words.snapshot, words.log_in, leaveToLogIn);
    } else if (answer.status === 401 || answer.status === 403 || answer.status === 404 ||
        error.param === "client_secret" || error.param === "id") {
      block(words.link);
    } else {
      doubt(/^pk_test_/.test(link.key) ? error.message : "");
    }
  }

  /** A refusal may only mean that the order moved on elsewhere, so the server is asked before it is shown. */
  function doubt(message) {
    const sentences = [words.declined[0], message || words.declined[1]];
    api.retrieve(link).catch(function () { return {}; }).then(function (answer) {
      const status = answer.status === 200 ? answer.body.status : "";
      if (status === "succeeded" || status === "canceled") {
        settle(answer.body, 0);
      } else {
        block(sentences, words.retry, start);
      }
    });
  }

  function leaveToLogIn() {
    poll.stop();
    show("login", words.login);
    api.logIn(link);
  }

  function paramsOf(intent) {
    const action = intent.next_action;
    const params = action && action[action.type];
    return intent.status === "requires_action" && params && params.paySign ? params : null;
  }

  // ---- paying ----------------------------------------------------------------------------------------------------

  function watch() {
    show("checking", words.checking);
    poll.start();
  }

  function pay() {
    if (paying || over) {
      return;
    }
    paying = true;
    pressed = true;
    reason = "";
    poll.stop();
    show("working", words.working);
    bridge.ready(lent).then(function () { return confirm(0); }, function () {
      block(lent ? words.lent_bridge : words.bridge, words.retry, start);
    });
  }

  function confirm(retries) {
    return api.confirm(link).then(function (answer) {
      const busy = answer.status === 409 || answer.status === 429;
      if (busy && retries < BUSY_RETRIES_MAX) {
        setTimeout(function () { confirm(retries + 1); }, BUSY_PAUSE_MS);
      } else if (busy || answer.status >= 500) {
        followUp("unknown");
      } else if (answer.status !== 200) {
        refuse(answer);
      } else {
        confirmed(answer.body);
      }
    }, function () { followUp("unknown"); });
  }

  function confirmed(intent) {
    confirmedAfterLogin = false;
    phase = "opening";
    poll.start();
    settle(intent, 0);
  }

  /** From here on the answer is the server's: the poll runs whatever the cashier says, or if it says nothing. */
  function openCashier(params) {
    phase = "cashier";
    attempt += 1;
    const mine = attempt;
    show("cashier", words.cashier);
    poll.start();
    bridge.open(params, function (report, why) {
      if (over) {
        return;
      }
      if (mine === attempt) {
        reason = why;
        followUp(report);
      } else {
        poll.now();
      }
    });
  }

  function followUp(report) {
    phase = report;
    watch();
  }

  // ---- opening the page ------------------------------------------------------------------------------------------

  function showOutside() {
    show("blocked", words.outside);
    const steps = element("steps");
    steps.textContent = "";
    words.outside_steps.forEach(function (step) {
      const item = document.createElement("li");
      item.textContent = step;
      steps.appendChild(item);
    });
    steps.hidden = false;
    setButton("primary", words.copy, copyLink);
    showMerchant();
    phase = "outside";
    poll.start();
  }

  function copyLink() {
    const field = document.createElement("textarea");
    field.value = api.wholeLink(link);
    field.setAttribute("readonly", "");
    field.className = "offscreen";
    document.body.appendChild(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    setText("primary", done ? words.copied : words.copy);
    element("primary").focus();
  }

  /** Shows the order as it stands. Nothing is opened by itself, except the payment that a login interrupted. */
  function begin(intent) {
    showBill(intent);
    const sentHere = intent.next_action && intent.next_action.type === "redirect_to_url";
    const open = intent.status === "requires_payment_method" || intent.status === "requires_confirmation" || sentHere;
    if (intent.status === "succeeded" || intent.status === "canceled") {
      settle(intent, 0);
    } else if (bridge.place() === "mini_program") {
      block(words.mini_program);
    } else if (bridge.place() === "elsewhere" && !lent) {
      showOutside();
    } else if (link.loginError) {
      const snapshot = link.loginError === "snapshot_user_may_not_pay" ? words.snapshot : null;
      block(snapshot || words.login_errors[link.loginError] || words.login_error, words.log_in, leaveToLogIn);
      link.loginError = "";
    } else if (link.continuing) {
      link.continuing = false;
      confirmedAfterLogin = true;
      pay();
    } else if (open) {
      offer("ready", words.ready, words.pay + " " + amountText(intent), pay);
    } else {
      phase = "reload";
      watch();
    }
  }

  /** A buyer who comes back to an untouched page may have paid elsewhere meanwhile. */
  function glance() {
    api.retrieve(link).then(function (answer) {
      if (answer.status === 200 && !paying && !over) {
        begin(answer.body);
      }
    }, function () { return null; });
  }

  function start() {
    paying = false;
    show("loading", words.loading);
    if (!link.complete) {
      block(words.link);
      return;
    }
    api.retrieve(link).then(function (answer) {
      if (answer.status === 200) {
        begin(answer.body);
      } else if (answer.status >= 500 || answer.status === 429) {
        block(words.offline, words.retry, start);
      } else {
        refuse(answer);
      }
    }, function () { block(words.offline, words.retry, start); });
  }

  document.documentElement.lang = window.wxbackend.language;
  setText("footer", words.footer);
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) {
      return;
    }
    if (document.documentElement.getAttribute("data-view") === "ready") {
      glance();
    } else {
      poll.now();
    }
  });
  window.addEventListener("hashchange", function () { location.reload(); });
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) {
      location.reload();
    }
  });
  if (lent) {
    bridge.ready(lent).catch(function () { return null; });
  }
  start();
})();

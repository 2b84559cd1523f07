/**
 * A small server that keeps the buyer's-side contract and a shop beside it; a test says what happens on which call.
 */
const http = require("node:http");

const PUBLISHABLE_KEY = "pk_test_mini_program";
const CONFIRM_BODY = {
  payment_method_data: { type: "wechat_pay" },
  payment_method_options: { wechat_pay: { terminal_type: "mini_program" } },
};

function refuse(status, code) {
  return { status, body: { error: { type: "invalid_request_error", code, param: "", message: code } } };
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  return text ? JSON.parse(text) : {};
}

class ContractServer {
  constructor() {
    this.intents = new Map();
    this.usedCodes = new Set();
    this.sessions = new Set();
    this.sessionLifeMs = 7_200_000;
    this.clockNow = () => 0;
    /** Run before the n-th retrieve or confirm is answered; may change the intent, or return "drop". */
    this.beforeRetrieve = () => undefined;
    this.onConfirm = (intent) => this.requireAction(intent);
    this.confirms = 0;
    this.retrieves = 0;
    this.orders = 0;
    this.server = http.createServer((request, response) => this.serve(request, response));
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  newIntent({ amount = 1234, description = "龙井茶 250 克" } = {}) {
    const id = `pi_${String(this.intents.size + 1).padStart(19, "1")}`;
    const intent = {
      id,
      object: "payment_intent",
      created: 1_760_000_000_000,
      livemode: false,
      currency: "CNY",
      amount,
      description,
      status: "requires_payment_method",
      payment_method_types: ["wechat_pay"],
    };
    this.intents.set(id, intent);
    return { intent, clientSecret: `${id}_secret_k1` };
  }

  requireAction(intent) {
    intent.status = "requires_action";
    intent.next_action = {
      type: "wechat_pay_mini_program_params",
      wechat_pay_mini_program_params: {
        appId: "wx0000000000000001",
        timeStamp: "1760000000",
        nonceStr: `nonce${this.confirms}`,
        package: `prepay_id=wx${this.confirms}`,
        signType: "RSA",
        paySign: "c2lnbmVk",
      },
    };
  }

  /** A terminal status, or the one after a decline; either way there is nothing left to open. */
  end(intent, status, lastPaymentError) {
    intent.status = status;
    delete intent.next_action;
    if (lastPaymentError) {
      intent.last_payment_error = lastPaymentError;
    }
  }

  async serve(request, response) {
    const answer = this.route(request, await bodyOf(request));
    if (answer === "drop") {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(answer.body));
  }

  route(request, body) {
    if (request.method === "POST" && request.url === "/orders") {
      this.orders += 1;
      return { status: 200, body: { client_secret: this.newIntent().clientSecret } };
    }
    if (request.headers.authorization !== `Bearer ${PUBLISHABLE_KEY}`) {
      return refuse(401, "invalid_api_key");
    }
    if (request.method === "POST" && request.url === "/v1/wechat/mini_program/login") {
      return this.login(body);
    }
    const match = /^\/v1\/payment_intents\/(pi_\d+)(\/confirm)?$/.exec(request.url);
    const intent = match && this.intents.get(match[1]);
    if (!intent || request.headers["client-secret"] !== `${intent.id}_secret_k1`) {
      return refuse(404, "resource_missing");
    }
    return match[2] ? this.confirm(intent, request.headers["wx-session"], body) : this.retrieve(intent);
  }

  login({ code }) {
    if (!code || this.usedCodes.has(code)) {
      return refuse(400, "code_invalid");
    }
    this.usedCodes.add(code);
    const token = `ws_${this.usedCodes.size}`;
    this.sessions.add(token);
    const expiresAt = this.clockNow() + this.sessionLifeMs;
    const body = { object: "login_session", token, app_id: "wx0000000000000001", expires_at: expiresAt };
    return { status: 200, body: { ...body, livemode: false } };
  }

  confirm(intent, token, body) {
    if (!this.sessions.has(token)) {
      return refuse(400, "login_required");
    }
    if (JSON.stringify(body) !== JSON.stringify(CONFIRM_BODY)) {
      return refuse(400, "parameter_invalid");
    }
    if (["succeeded", "canceled"].includes(intent.status)) {
      return refuse(400, "payment_intent_unexpected_state");
    }
    this.confirms += 1;
    return this.onConfirm(intent, this.confirms) || { status: 200, body: intent };
  }

  retrieve(intent) {
    this.retrieves += 1;
    return this.beforeRetrieve(intent, this.retrieves) || { status: 200, body: intent };
  }
}

module.exports = { ContractServer, PUBLISHABLE_KEY, refuse };

/**
 * A `wx` for tests: its requests are real HTTP, its cashier is played by the test, and it refuses misuse.
 */
const http = require("node:http");

const CASHIER_FIELDS = ["nonceStr", "package", "paySign", "signType", "timeStamp"];
const CALLBACKS = ["success", "fail", "complete"];

/** Send one request and hand back status and body, parsed where it is JSON, as `wx.request` does. */
function sendHttp({ method, url, header, data, timeout }, done, failed) {
  const request = http.request(url, { method, headers: header, timeout, agent: false }, (response) => {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      done({ statusCode: response.statusCode, data: parsedOr(text), header: response.headers });
    });
    response.on("error", failed);
  });
  request.on("timeout", () => request.destroy(new Error("timeout")));
  request.on("error", failed);
  request.end(data === undefined ? undefined : JSON.stringify(data));
}

function parsedOr(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

class FakeWx {
  /**
   * @param {object} playedBy
   * @param {(nth: number) => Promise<string> | string} playedBy.code what `wx.login` yields
   * @param {(params: object, nth: number) => Promise<string | null> | string | null} playedBy.cashier
   *   an `errMsg`, or null for a cashier that never answers
   */
  constructor({ code, cashier }) {
    this.playedBy = { code, cashier };
    this.storage = new Map();
    this.logins = 0;
    this.requests = [];
    this.cashierParams = [];
    this.redirects = [];
  }

  request(options) {
    if (/_secret_|ws_/.test(options.url)) {
      throw new Error("a secret must not travel in a URL");
    }
    this.requests.push({ method: options.method, url: options.url });
    sendHttp(options, options.success, () => options.fail({ errMsg: "request:fail", errno: 600001 }));
  }

  login({ success, fail }) {
    this.logins += 1;
    Promise.resolve(this.playedBy.code(this.logins)).then(
      (code) => success({ code, errMsg: "login:ok" }),
      () => fail({ errMsg: "login:fail" }),
    );
  }

  requestPayment(options) {
    const fields = Object.keys(options).filter((name) => !CALLBACKS.includes(name)).sort();
    if (fields.join() !== CASHIER_FIELDS.join() || fields.some((name) => typeof options[name] !== "string")) {
      throw new Error(`wx.requestPayment takes five texts, not ${fields.join()}`);
    }
    const params = Object.fromEntries(fields.map((name) => [name, options[name]]));
    this.cashierParams.push(params);
    Promise.resolve(this.playedBy.cashier(params, this.cashierParams.length)).then((errMsg) => {
      if (errMsg !== null) {
        (errMsg === "requestPayment:ok" ? options.success : options.fail)({ errMsg });
      }
    });
  }

  redirectTo({ url }) {
    this.redirects.push(url);
  }

  getStorageSync(key) {
    return this.storage.has(key) ? structuredCloneOf(this.storage.get(key)) : "";
  }

  setStorageSync(key, value) {
    this.storage.set(key, structuredCloneOf(value));
  }

  removeStorageSync(key) {
    this.storage.delete(key);
  }

  /** How often a request ended with this path. */
  countOf(pathEnd) {
    return this.requests.filter(({ url }) => url.endsWith(pathEnd)).length;
  }
}

/** Storage keeps data, not objects. */
function structuredCloneOf(value) {
  return JSON.parse(JSON.stringify(value));
}

module.exports = { FakeWx };

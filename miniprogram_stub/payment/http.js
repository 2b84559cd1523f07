/**
 * One JSON request over `wx.request`; an answer of 400 or more is a failure, and so is no answer.
 */
const { recordOf } = require("./entry.js");
const { failure, isTemporary } = require("./failure.js");

const REQUEST_TIMEOUT_MS = 10000;

/**
 * @typedef {object} JsonRequest
 * @property {"GET" | "POST"} method
 * @property {string} url
 * @property {Record<string, string>} [header] secrets travel here, never in the URL
 * @property {Record<string, unknown>} [body]
 */

/**
 * @param {Pick<WechatMiniprogram.Wx, "request">} wx
 * @param {JsonRequest} request
 * @returns {Promise<Record<string, unknown>>} the JSON object answered
 * @throws {import("./failure.js").Failure} `network_failed`, `bad_answer` or the server's own code
 */
function sendJson(wx, { method, url, header = {}, body }) {
  return new Promise((resolve, reject) => {
    wx.request({
      method,
      url,
      header: Object.assign({ "Content-Type": "application/json" }, header),
      data: body,
      dataType: "json",
      timeout: REQUEST_TIMEOUT_MS,
      success: ({ statusCode, data }) => {
        if (statusCode >= 200 && statusCode < 300 && typeof data === "object" && data !== null) {
          resolve(/** @type {Record<string, unknown>} */ (data));
          return;
        }
        reject(refusal(statusCode, data));
      },
      fail: () => reject(failure("network_failed", `no answer to a ${method}`, true)),
    });
  });
}

/**
 * @param {number} statusCode
 * @param {unknown} data
 */
function refusal(statusCode, data) {
  const { code } = recordOf(recordOf(data).error);
  return failure(
    typeof code === "string" && code ? code : "bad_answer",
    `the server answered ${statusCode}`,
    isTemporary(statusCode),
  );
}

module.exports = { sendJson };

/**
 * The merchant's own server: it alone knows prices and holds the secret key, so it alone makes an intent.
 */
const { asClientSecret } = require("./entry.js");
const { failure } = require("./failure.js");
const { sendJson } = require("./http.js");

/**
 * @param {Pick<WechatMiniprogram.Wx, "request">} wx
 * @param {string} shopUrl
 * @param {string} sku what is bought; the shop decides what it costs
 * @returns {Promise<string>} the client secret of a new PaymentIntent
 */
async function orderFromShop(wx, shopUrl, sku) {
  const answer = await sendJson(wx, { method: "POST", url: `${shopUrl}/orders`, body: { sku } });
  const clientSecret = asClientSecret(answer.client_secret);
  if (!clientSecret) {
    throw failure("bad_answer", "the shop answered no client secret");
  }
  return clientSecret;
}

module.exports = { orderFromShop };

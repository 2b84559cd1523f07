/**
 * The one payment service that the pages share: it puts the parts together and keeps the login session.
 */
const { createBuyerApi } = require("./api.js");
const { failure } = require("./failure.js");
const { createLogin } = require("./login.js");
const { awaitEnd, pay } = require("./pay.js");
const { orderFromShop } = require("./shop.js");

/**
 * What the buyer buys: an intent that exists, or an article that the shop makes one for.
 * @typedef {{clientSecret: string, sku: string}} Purchase
 */

/**
 * @param {object} surroundings
 * @param {WechatMiniprogram.Wx} surroundings.wx
 * @param {{apiUrl: string, publishableKey: string, shopUrl: string, appId: string}} surroundings.config
 * @param {import("./clock.js").Clock} surroundings.clock
 */
function createPaymentService({ wx, config, clock }) {
  const api = createBuyerApi({ wx, config });
  const parts = { wx, api, clock, login: createLogin({ wx, api, clock }) };

  return {
    /**
     * @param {Purchase} purchase
     * @returns {Promise<string>} the client secret, new only where there was none
     * @throws {import("./failure.js").Failure} `nothing_to_pay` without a secret and without a shop
     */
    async clientSecretFor({ clientSecret, sku }) {
      if (clientSecret) {
        return clientSecret;
      }
      if (!config.shopUrl || !sku) {
        throw failure("nothing_to_pay", "neither a client_secret nor a shop with an sku is given");
      }
      return orderFromShop(wx, config.shopUrl, sku);
    },

    /** @param {string} clientSecret */
    look: (clientSecret) => api.retrieve(clientSecret),

    /** @param {import("./pay.js").PayOrder} order */
    pay: (order) => pay(parts, order),

    /**
     * @param {import("./pay.js").PayOrder} order
     * @param {import("./api.js").Intent} intent
     */
    awaitEnd: (order, intent) => awaitEnd(parts, order, intent),
  };
}

module.exports = { createPaymentService };

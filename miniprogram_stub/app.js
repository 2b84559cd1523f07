/**
 * The mini program's start: it builds the one payment service that the pages share.
 */
const config = require("./config.js");
const { systemClock } = require("./payment/clock.js");
const { clientSecretOf } = require("./payment/entry.js");
const { createPaymentService } = require("./payment/service.js");

/**
 * What the pages find in `getApp()`.
 * @typedef {object} PayApp
 * @property {ReturnType<typeof createPaymentService>} payment
 * @property {string} entryClientSecret the intent that the program was opened for, or an empty string
 * @property {import("./payment/pay.js").Ending | null} lastResult for the result page
 */

/** @type {PayApp} */
const shared = {
  payment: createPaymentService({ wx, config, clock: systemClock() }),
  entryClientSecret: "",
  lastResult: null,
};

App(
  Object.assign({}, shared, {
    /**
     * Called at the start and whenever the program comes to the front, perhaps for another intent.
     * @this {PayApp}
     * @param {unknown} options
     */
    onShow(options) {
      this.entryClientSecret = clientSecretOf(options) || this.entryClientSecret;
    },
  }),
);

/**
 * The end of a payment, as the server told it to the cashier page; nothing is decided here.
 */
const { purchaseTexts, viewOf, viewOfFailure } = require("../../payment/view.js");

Component({
  data: {
    view: viewOf("loading"),
    amount: "",
    description: "",
  },

  lifetimes: {
    attached() {
      /** @type {import("../../app.js").PayApp} */
      const { lastResult: result } = getApp();
      const view = result ? viewOf(result.kind) : viewOfFailure("nothing_to_pay");
      this.setData(Object.assign({ view }, purchaseTexts(result && result.intent)));
    },
  },
});

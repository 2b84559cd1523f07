/**
 * The cashier page: it hands taps to the checkout and shows what the checkout says.
 */
const { createCheckout } = require("../../payment/checkout.js");
const { asClientSecret } = require("../../payment/entry.js");
const { viewOf } = require("../../payment/view.js");

const RESULT_PAGE = "/pages/result/index";

/** @typedef {import("../../payment/checkout.js").Checkout} Checkout */

/**
 * @param {object} page an instance of this page, whose checkout is made in `onLoad`
 * @returns {Checkout | undefined}
 */
const checkoutOf = (page) => /** @type {{checkout?: Checkout}} */ (page).checkout;

Component({
  data: { view: viewOf("loading"), amount: "", description: "" },

  lifetimes: {
    detached() {
      this.close();
    },
  },

  methods: {
    /** @param {{client_secret?: string, sku?: string}} query */
    async onLoad(query) {
      /** @type {import("../../app.js").PayApp} */
      const app = getApp();
      const checkout = createCheckout({
        payment: app.payment,
        purchase: {
          clientSecret: asClientSecret(query.client_secret) || app.entryClientSecret,
          sku: query.sku || "",
        },
        show: (shown) => this.setData(shown),
        leave: (ending) => {
          app.lastResult = ending;
          wx.redirectTo({ url: RESULT_PAGE });
        },
      });
      Object.assign(this, { checkout });
      await checkout.open();
    },

    onShow() {
      const checkout = checkoutOf(this);
      if (checkout) {
        checkout.hurry();
      }
    },

    onUnload() {
      this.close();
    },

    async onTap() {
      const checkout = checkoutOf(this);
      if (checkout) {
        await checkout.tap();
      }
    },

    close() {
      const checkout = checkoutOf(this);
      if (checkout) {
        checkout.close();
      }
    },
  },
});

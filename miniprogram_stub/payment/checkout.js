/**
 * The cashier page's mind: one thing under way at a time, and every ending by the server's word.
 */
const { codeOf } = require("./failure.js");
const { endingOf } = require("./pay.js");
const { purchaseTexts, viewOf, viewOfFailure } = require("./view.js");
const { createWatch } = require("./wait.js");

/**
 * @typedef {object} Checkout
 * @property {() => Promise<void>} open show what an existing intent costs, or that it has ended
 * @property {() => Promise<void>} tap pay, or ask again where only the result is missing; nothing while busy
 * @property {() => void} hurry the buyer is back and looking: ask now
 * @property {() => void} close nobody looks any more: ask nothing further
 */

/** @typedef {{view: import("./view.js").View, amount: string, description: string}} Shown */

/** @typedef {import("./api.js").Intent} Intent */
/** @typedef {import("./wait.js").Watch} Watch */

/**
 * @param {object} parts
 * @param {ReturnType<typeof import("./service.js").createPaymentService>} parts.payment
 * @param {import("./service.js").Purchase} parts.purchase
 * @param {(shown: Shown) => void} parts.show
 * @param {(ending: import("./pay.js").Ending) => void} parts.leave called when paid or canceled by a tap
 * @returns {Checkout}
 */
function createCheckout({ payment, purchase, show, leave }) {
  const screen = createScreen(show);
  const turn = createTurn((code) => screen.present(viewOfFailure(code)));
  let { clientSecret } = purchase;
  let opened = !clientSecret;

  /** @param {Watch} watch */
  async function read(watch) {
    screen.present(viewOf("loading"));
    const intent = await payment.look(clientSecret);
    const ending = endingOf(intent);
    opened = true;
    if (!watch.isStopped()) {
      screen.present(viewOf(ending && ending.kind !== "unpaid" ? ending.kind : "ready"), intent);
    }
  }

  /** @param {Watch} watch */
  async function settle(watch) {
    const unresolved = screen.phase() === "unknown" ? screen.intent() : null;
    screen.present(viewOf("order"));
    clientSecret = await payment.clientSecretFor({ clientSecret, sku: purchase.sku });
    /** @type {import("./pay.js").PayOrder} */
    const order = {
      clientSecret,
      watch,
      onStep: (step, seen) => screen.present(viewOf(step), seen),
    };
    const ending = await (unresolved ? payment.awaitEnd(order, unresolved) : payment.pay(order));
    if (watch.isStopped()) {
      return;
    }
    screen.present(viewOf(ending.kind), ending.intent);
    if (ending.kind === "paid" || ending.kind === "canceled") {
      leave(ending);
    }
  }

  return {
    open: () => (opened ? turn.take(async () => screen.present(viewOf("ready"))) : turn.take(read)),
    tap: () => turn.take(opened ? settle : read),
    hurry: turn.hurry,
    close: turn.close,
  };
}

/**
 * What is shown, and what it was last made from.
 * @param {(shown: Shown) => void} show
 */
function createScreen(show) {
  let phase = "";
  /** @type {Intent | null} */
  let intent = null;

  return {
    phase: () => phase,
    intent: () => intent,
    /**
     * @param {import("./view.js").View} view
     * @param {Intent} [seen]
     */
    present(view, seen) {
      phase = view.phase;
      intent = seen || intent;
      show(Object.assign({ view }, purchaseTexts(intent)));
    },
  };
}

/**
 * One piece of work at a time: a second tap while one is under way does nothing.
 * @param {(code: string) => void} onFailure
 */
function createTurn(onFailure) {
  /** @type {Watch | null} */
  let current = null;

  return {
    /** @param {(watch: Watch) => Promise<void>} work */
    async take(work) {
      if (current) {
        return;
      }
      const watch = createWatch();
      current = watch;
      try {
        await work(watch);
      } catch (error) {
        if (!watch.isStopped()) {
          onFailure(codeOf(error));
        }
      } finally {
        current = null;
      }
    },
    hurry: () => (current ? current.hurry() : undefined),
    close: () => (current ? current.stop() : undefined),
  };
}

module.exports = { createCheckout };

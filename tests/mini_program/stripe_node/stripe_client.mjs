/**
 * Drives wxbackend with the unmodified npm `stripe` package, as a merchant who moves over would, and prints one
 * JSON line of what it saw; it ends with 0 only when every expectation held.
 * Environment: STRIPE_HOST, STRIPE_PORT, STRIPE_PROTOCOL, SECRET_KEY, OPENID; TERMINAL_TYPE is as wished.
 */
import Stripe from "stripe";

const NEEDED = ["STRIPE_HOST", "STRIPE_PORT", "SECRET_KEY", "OPENID"];
const INTENTS_MADE = 5;
const PAGE_SIZE = 2;
const AMOUNT_FEN = 1234;
const REQUEST_TIMEOUT_MS = 15_000;

/** Throws with the name of what did not hold; the message never holds a key. */
function hold(claim, what) {
  if (!claim) {
    throw new Error(`did not hold: ${what}`);
  }
}

function clientFrom(env) {
  const missing = NEEDED.filter((name) => !env[name]);
  if (missing.length > 0) {
    throw new Error(`set ${missing.join(", ")}`);
  }
  return new Stripe(env.SECRET_KEY, {
    host: env.STRIPE_HOST,
    port: env.STRIPE_PORT,
    protocol: env.STRIPE_PROTOCOL || "http",
    timeout: REQUEST_TIMEOUT_MS,
    telemetry: false,
  });
}

/** The order numbers of one run begin alike and are new in every run. */
function orderNumber(run, nth) {
  return `node${run}n${nth}`;
}

async function createAll(stripe, run) {
  const made = [];
  for (let nth = 0; nth < INTENTS_MADE; nth += 1) {
    const intent = await stripe.paymentIntents.create({
      amount: AMOUNT_FEN + nth,
      currency: "CNY",
      merchant_order_id: orderNumber(run, nth),
      description: `stripe-node ${nth}`,
      metadata: { run, nth: String(nth) },
    });
    hold(/^pi_\d{19}$/.test(intent.id), "an id is pi_ and 19 digits");
    hold(intent.object === "payment_intent", "a created intent is a payment_intent");
    hold(intent.status === "requires_payment_method", "a created intent requires a payment method");
    hold(intent.amount === AMOUNT_FEN + nth, "the amount is kept");
    hold(intent.currency.toUpperCase() === "CNY", "the currency is kept");
    hold(intent.client_secret.startsWith(`${intent.id}_secret_`), "the client secret begins with the id");
    made.push(intent);
  }
  hold(new Set(made.map(({ id }) => id)).size === INTENTS_MADE, "every intent has its own id");
  return made;
}

/** The same key and body give the same intent, once. */
async function createTwiceWithOneKey(stripe, run) {
  const body = { amount: AMOUNT_FEN, currency: "CNY", merchant_order_id: orderNumber(run, "same") };
  const options = { idempotencyKey: `${run}-same` };
  const first = await stripe.paymentIntents.create(body, options);
  const second = await stripe.paymentIntents.create(body, options);
  hold(first.id === second.id, "one idempotency key makes one intent");
  return first;
}

async function confirmAndRetrieve(stripe, id, env) {
  const terminal = env.TERMINAL_TYPE || "mini_program";
  const confirmed = await stripe.paymentIntents.confirm(id, {
    payment_method_data: { type: "wechat_pay" },
    payment_method_options: { wechat_pay: { terminal_type: terminal, openid: env.OPENID } },
  });
  hold(confirmed.status === "requires_action", "a confirmed intent requires action");
  const retrieved = await stripe.paymentIntents.retrieve(id);
  hold(retrieved.status === confirmed.status, "a retrieved intent has the status that confirm answered");
  const action = retrieved.next_action || confirmed.next_action;
  hold(action && action[action.type], "next_action holds what its type names");
  const { signType, paySign } = action[action.type];
  hold(signType === "RSA" && typeof paySign === "string" && paySign, "the cashier's parameters are signed with RSA");
  return { confirmed, action };
}

/** Pages of two, until every intent of this run has been seen; the newest come first. */
async function listAll(stripe, ids) {
  const missing = new Set(ids);
  const seen = [];
  for await (const intent of stripe.paymentIntents.list({ limit: PAGE_SIZE })) {
    seen.push(intent.id);
    missing.delete(intent.id);
    if (missing.size === 0) {
      break;
    }
  }
  hold(missing.size === 0, "auto-paging finds every intent");
  hold(new Set(seen).size === seen.length, "auto-paging shows nothing twice");
  const first = await stripe.paymentIntents.list({ limit: PAGE_SIZE });
  hold(first.object === "list" && first.url === "/v1/payment_intents", "a list names itself");
  hold(first.data.length === PAGE_SIZE && first.has_more === true, "a full page says that there is more");
  return seen.length;
}

/** Runs a call that must be refused and hands back the error's public face. */
async function refused(call, type) {
  try {
    await call();
  } catch (error) {
    hold(error.type === type, `the error is a ${type}, not a ${error.type}`);
    const { statusCode, code, param, requestId } = error;
    return { type: error.type, statusCode, code, param, hasRequestId: Boolean(requestId) };
  }
  throw new Error(`did not hold: the call is refused with ${type}`);
}

async function refusals(stripe, env) {
  const amount = await refused(
    () => stripe.paymentIntents.create({ amount: -1, currency: "CNY", merchant_order_id: "refused" }),
    "StripeInvalidRequestError",
  );
  hold(amount.param === "amount" && amount.statusCode === 400, "a wrong amount names its parameter");
  const absent = await refused(
    () => stripe.paymentIntents.retrieve("pi_1000000000000000000"),
    "StripeInvalidRequestError",
  );
  hold(absent.statusCode === 404, "an intent that does not exist is a 404");
  const stranger = clientFrom({ ...env, SECRET_KEY: "sk_test_of_nobody" });
  const key = await refused(() => stranger.paymentIntents.list({ limit: 1 }), "StripeAuthenticationError");
  return { amount, absent, key };
}

async function drive(env) {
  const stripe = clientFrom(env);
  const run = `${Date.now()}p${process.pid}`;
  const made = await createAll(stripe, run);
  const ids = made.map(({ id }) => id);
  const same = await createTwiceWithOneKey(stripe, run);
  const { confirmed, action } = await confirmAndRetrieve(stripe, ids[0], env);
  const listed = await listAll(stripe, [...ids, same.id]);
  const canceled = await stripe.paymentIntents.cancel(ids[1]);
  hold(canceled.status === "canceled", "a canceled intent is canceled");
  return {
    ok: true,
    version: Stripe.PACKAGE_VERSION,
    created: ids,
    idempotent: same.id,
    confirmed: { id: confirmed.id, status: confirmed.status, next_action_type: action.type },
    listed,
    canceled: { id: canceled.id, status: canceled.status },
    refused: await refusals(stripe, env),
  };
}

async function main() {
  try {
    console.log(JSON.stringify(await drive(process.env)));
  } catch (error) {
    const { type, statusCode, code, param, message } = error;
    console.log(JSON.stringify({ ok: false, type, statusCode, code, param, message }));
    process.exitCode = 1;
  }
}

await main();

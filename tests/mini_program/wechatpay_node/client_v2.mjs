/**
 * The same by API v2: XML, a signature by the key (SIGN_TYPE), refunds over a connection that shows the certificate.
 */
import sdk from "wechatpay-axios-plugin";

import { BUYER, Letterbox, REFUND_FEN, TOTAL_FEN, desk, fileOf, hold, live, newNumber, refused } from "./till.mjs";

const { Aes, Formatter, Hash, Transformer, Wechatpay } = sdk;
const SUCCESS = Transformer.toXml({ return_code: "SUCCESS", return_msg: "OK" });
const FAIL = Transformer.toXml({ return_code: "FAIL", return_msg: "no" });

function build(env) {
  const key = fileOf(env, "apiclient_key.pem");
  return new Wechatpay({
    baseURL: `${env.PAY_URL}/`,
    mchid: env.MCHID,
    serial: env.MERCHANT_SERIAL,
    privateKey: key,
    certs: { any: undefined },
    secret: fileOf(env, "apiv2_key.txt"),
    merchant: { cert: fileOf(env, "apiclient_cert.pem"), key },
  });
}

/** Verifies a payment's notice, and opens what a refund's has sealed. */
function reader(env) {
  const key = Hash.keyObjectFrom(fileOf(env, "apiv2_key.txt"));
  return (_headers, body) => {
    const said = Transformer.toObject(body);
    if (said.req_info) {
      const opened = Transformer.toObject(Aes.AesEcb.decrypt(said.req_info, Hash.md5(key)));
      return { status: 200, type: "text/xml", body: SUCCESS, told: { kind: "refund", ...opened } };
    }
    const right = Hash.equals(Hash.sign(env.SIGN_TYPE, said, key), said.sign);
    return { status: 200, type: "text/xml", body: right ? SUCCESS : FAIL, told: { kind: "payment", right, ...said } };
  };
}

/** What stands in every request. */
function asked(env, more) {
  return { appid: env.APPID, mch_id: env.MCHID, sign_type: env.SIGN_TYPE, ...more };
}

function invocation(env, prepayId) {
  const params = {
    appId: env.APPID,
    timeStamp: `${Formatter.timestamp()}`,
    nonceStr: Formatter.nonce(),
    package: `prepay_id=${prepayId}`,
    signType: env.SIGN_TYPE,
  };
  return { ...params, paySign: Hash.sign(env.SIGN_TYPE, params, fileOf(env, "apiv2_key.txt")) };
}

async function order({ env, wxpay, letters }, number) {
  const openid = (await desk(env, "GET", `/buyers/${BUYER}`)).openids[env.APPID];
  const { data } = await wxpay.v2.pay.unifiedorder.post(
    asked(env, {
      body: "一杯咖啡 <&>",
      out_trade_no: number,
      total_fee: `${TOTAL_FEN}`,
      spbill_create_ip: "127.0.0.1",
      notify_url: letters.url,
      trade_type: "JSAPI",
      openid,
    }),
  );
  return data.prepay_id;
}

async function payment(till) {
  const { env, wxpay, letters } = till;
  const number = newNumber("xml");
  const params = invocation(env, await order(till, number));
  const wish = { channel: "official_account", params, outcome: "pay" };
  const cashier = await desk(env, "POST", `/buyers/${BUYER}/pay`, wish);
  hold(cashier.err_msg === "get_brand_wcpay_request:ok", `the cashier takes the SDK's signature: ${cashier.err_msg}`);
  const notice = await letters.wait(({ kind }) => kind === "payment", "the notice of the payment");
  hold(notice.right, "the notice's signature fits");
  const { data } = await wxpay.v2.pay.orderquery.post(asked(env, { out_trade_no: number }));
  const { data: byId } = await wxpay.v2.pay.orderquery.post(asked(env, { transaction_id: data.transaction_id }));
  hold(byId.out_trade_no === number && byId.trade_state === "SUCCESS", "both queries tell of the same payment");
  hold(notice.transaction_id === byId.transaction_id && notice.total_fee === byId.total_fee, "and so does the notice");
  return { out_trade_no: number, transaction_id: byId.transaction_id, total_fee: byId.total_fee };
}

async function refund({ env, wxpay, letters }, paid) {
  const number = newNumber("back");
  const wish = asked(env, {
    transaction_id: paid.transaction_id,
    out_refund_no: number,
    total_fee: `${TOTAL_FEN}`,
    refund_fee: `${REFUND_FEN}`,
    notify_url: letters.url,
  });
  const bare = await refused(() => wxpay.v2.secapi.pay.refund.post(wish), "a refund without certificate is refused");
  const { data: taken } = await wxpay.v2.secapi.pay.refund.post(wish, { security: true });
  await desk(env, "POST", `/refunds/${number}/settle`, { outcome: "SUCCESS" });
  const notice = await letters.wait(({ kind }) => kind === "refund", "the notice of the refund");
  hold(notice.out_refund_no === number && notice.refund_status === "SUCCESS", "the sealed notice names the refund");
  const { data } = await wxpay.v2.pay.refundquery.post(asked(env, { out_refund_no: number }));
  hold(data.refund_id_0 === taken.refund_id, "the query finds the refund that was taken");
  return { bare: bare.response.status, status: data.refund_status_0, refund: data.refund_fee_0 };
}

async function closing(till) {
  const { env, wxpay } = till;
  const number = newNumber("shut");
  await order(till, number);
  await wxpay.v2.pay.closeorder.post(asked(env, { out_trade_no: number }));
  const { data } = await wxpay.v2.pay.orderquery.post(asked(env, { out_trade_no: number }));
  const absent = await refused(
    () => wxpay.v2.pay.orderquery.post(asked(env, { out_trade_no: newNumber("none") })), "nobody's order is refused",
  );
  return { state: data.trade_state, absent: absent.response.data.err_code };
}

/** An answer signed by another key is refused by the SDK. */
async function suspicion({ env, wxpay }, number) {
  const ask = () => wxpay.v2.pay.orderquery.post(asked(env, { out_trade_no: number }));
  await desk(env, "POST", "/mischief", { api: [{ fault: "bad_signature", path: "query", times: 1 }] });
  const { code } = await refused(ask, "an answer under another key is refused");
  hold((await ask()).data.trade_state === "SUCCESS", "a right answer is believed");
  return code;
}

async function drive(env) {
  const letters = new Letterbox(reader(env));
  await letters.open();
  try {
    const till = { env, wxpay: build(env), letters };
    const paid = await payment(till);
    const unbelieved = await suspicion(till, paid.out_trade_no);
    const refunded = await refund(till, paid);
    return { paid, refunded, unbelieved, closed: await closing(till) };
  } finally {
    letters.close();
  }
}

await live(drive);

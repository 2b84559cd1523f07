/**
 * Lives a merchant's life by API v3 with the unmodified npm `wechatpay-axios-plugin` and prints what it saw as JSON.
 * Environment: that of till.mjs, and KEYS: "public key" or "certificates".
 */
import { gunzipSync } from "node:zlib";

import sdk from "wechatpay-axios-plugin";

import { BUYER, Letterbox, REFUND_FEN, TOTAL_FEN, desk, fileOf, hold, live, newNumber, refused } from "./till.mjs";

const { Aes, Formatter, Hash, Rsa, Wechatpay } = sdk;
const TWO_DAYS_S = 2 * 86_400;
const UNBELIEVED = {
  bad_signature: "EV3_RES_HEADER_SIGNATURE_DIGEST",
  probe: "EV3_RES_HEADER_SIGNATURE_DIGEST",
  unknown_serial: "EV3_RES_HEADER_PLATFORM_SERIAL",
  unsigned: "EV3_RES_HEADERS_INCOMPLATE",
};

function build(env, certs) {
  const byCertificates = env.KEYS === "certificates";
  return new Wechatpay({
    baseURL: `${env.PAY_URL}/`,
    mchid: env.MCHID,
    serial: env.MERCHANT_SERIAL,
    privateKey: fileOf(env, "apiclient_key.pem"),
    certs: { ...certs },
    headers: byCertificates ? {} : { "Wechatpay-Serial": fileOf(env, "pub_key_id.txt") },
  });
}

/** Whom the SDK believes: the public key, or the certificates, whose own key proves the answer that brings them. */
async function believed(env) {
  if (env.KEYS !== "certificates") {
    return { [fileOf(env, "pub_key_id.txt")]: fileOf(env, "pub_key.pem") };
  }
  const nobody = build(env, { any: undefined });
  const { data: raw, headers } = await nobody.v3.certificates.get({ transformResponse: [(body) => body] });
  const open = ({ nonce, associated_data: data, ciphertext }) =>
    Aes.AesGcm.decrypt(ciphertext, fileOf(env, "apiv3_key.txt"), nonce, data);
  const brought = JSON.parse(raw).data.map((one) => [one.serial_no, open(one.encrypt_certificate)]);
  const certs = Object.fromEntries(brought);
  const message = Formatter.response(headers.get("Wechatpay-Timestamp"), headers.get("Wechatpay-Nonce"), raw);
  const signer = certs[headers.get("Wechatpay-Serial")];
  hold(Rsa.verify(message, headers.get("Wechatpay-Signature"), signer), "the certificates' own key proves them");
  return certs;
}

/** Verifies a notice over its bytes and opens it; what does not verify is refused, as WeChat wants it. */
function reader(env, certs) {
  const key = fileOf(env, "apiv3_key.txt");
  return (headers, body) => {
    const serial = headers["wechatpay-serial"];
    const message = Formatter.response(headers["wechatpay-timestamp"], headers["wechatpay-nonce"], body);
    const known = Object.hasOwn(certs, serial);
    if (!known || !Rsa.verify(message, headers["wechatpay-signature"], certs[serial])) {
      return { status: 401, type: "application/json", body: '{"code":"FAIL","message":"no"}', told: { serial } };
    }
    const notice = JSON.parse(body);
    const { ciphertext, nonce, associated_data: data } = notice.resource;
    const resource = JSON.parse(Aes.AesGcm.decrypt(ciphertext, key, nonce, data));
    return { status: 204, told: { serial, type: notice.event_type, resource } };
  };
}

function orderOf(env, number, more) {
  return {
    appid: env.APPID,
    mchid: env.MCHID,
    description: "一杯咖啡",
    out_trade_no: number,
    amount: { total: TOTAL_FEN, currency: "CNY" },
    ...more,
  };
}

/** The six parameters of the cashier, signed by the SDK. */
function invocation(env, prepayId) {
  const params = {
    appId: env.APPID,
    timeStamp: `${Formatter.timestamp()}`,
    nonceStr: Formatter.nonce(),
    package: `prepay_id=${prepayId}`,
  };
  const message = Formatter.joinedByLineFeed(...Object.values(params));
  return { ...params, signType: "RSA", paySign: Rsa.sign(message, Rsa.from(fileOf(env, "apiclient_key.pem"))) };
}

async function payment({ env, wxpay, letters }) {
  const number = newNumber("axios");
  const openid = (await desk(env, "GET", `/buyers/${BUYER}`)).openids[env.APPID];
  const order = orderOf(env, number, { payer: { openid }, notify_url: letters.url });
  const { data: opened } = await wxpay.v3.pay.transactions.jsapi.post(order);
  const params = invocation(env, opened.prepay_id);
  const wish = { channel: "official_account", params, outcome: "pay" };
  const cashier = await desk(env, "POST", `/buyers/${BUYER}/pay`, wish);
  hold(cashier.err_msg === "get_brand_wcpay_request:ok", `the cashier takes the SDK's signature: ${cashier.err_msg}`);
  const notice = await letters.wait(({ type }) => type === "TRANSACTION.SUCCESS", "the notice of the payment");
  const byNumber = await wxpay.v3.pay.transactions.outTradeNo.$out_trade_no$.get(
    { out_trade_no: number, params: { mchid: env.MCHID } },
  );
  const { transaction_id: id } = byNumber.data;
  const byId = await wxpay.v3.pay.transactions.id.$id$.get({ id, params: { mchid: env.MCHID } });
  hold(JSON.stringify(byNumber.data) === JSON.stringify(byId.data), "both queries tell the same");
  hold(JSON.stringify(notice.resource) === JSON.stringify(byId.data), "the notice tells what the query tells");
  return { ...byId.data, serial: notice.serial };
}

async function closing({ env, wxpay, letters }) {
  const number = newNumber("shut");
  const { data } = await wxpay.v3.pay.transactions.native.post(orderOf(env, number, { notify_url: letters.url }));
  hold(data.code_url.startsWith("weixin://"), "a code to scan");
  const place = wxpay.v3.pay.transactions.outTradeNo.$out_trade_no$;
  const { status } = await place.close.post({ mchid: env.MCHID }, { out_trade_no: number });
  const asked = await place.get({ out_trade_no: number, params: { mchid: env.MCHID } });
  const absent = await refused(
    () => place.get({ out_trade_no: newNumber("none"), params: { mchid: env.MCHID } }), "nobody's order is refused",
  );
  return { status, state: asked.data.trade_state, absent: [absent.response.status, absent.response.data.code] };
}

async function refund({ env, wxpay, letters }, paid) {
  const number = newNumber("back");
  const { data: taken } = await wxpay.v3.refund.domestic.refunds.post({
    out_trade_no: paid.out_trade_no,
    out_refund_no: number,
    reason: "尺码不合",
    notify_url: letters.url,
    amount: { refund: REFUND_FEN, total: TOTAL_FEN, currency: "CNY" },
  });
  await desk(env, "POST", `/refunds/${number}/settle`, { outcome: "SUCCESS" });
  const notice = await letters.wait(({ type }) => type === "REFUND.SUCCESS", "the notice of the refund");
  const { data } = await wxpay.v3.refund.domestic.refunds.$number$.get({ number });
  hold(notice.resource.success_time === data.success_time, "notice and query name the same moment");
  return { taken: taken.status, status: data.status, refund: data.amount.refund, told: notice.resource.refund_status };
}

async function bill({ wxpay }, kind, params) {
  const { data: offer } = await wxpay.v3.bill[kind].get({ params });
  const token = new URL(offer.download_url).searchParams.get("token");
  const { data: file } = await wxpay.v3.billdownload.file.get({ params: { token }, responseType: "arraybuffer" });
  const plain = params.tar_type ? gunzipSync(file) : file;
  hold(offer.hash_type === "SHA1" && Hash.sha1(plain) === offer.hash_value, `the hash of the ${kind} fits`);
  return Formatter.castCsvBill(plain);
}

/** Every way in which an answer may be wrong is refused by the SDK too, and the next one is believed again. */
async function suspicion({ env, wxpay }, number) {
  const ask = () =>
    wxpay.v3.pay.transactions.outTradeNo.$out_trade_no$.get({ out_trade_no: number, params: { mchid: env.MCHID } });
  const codes = {};
  for (const fault of Object.keys(UNBELIEVED)) {
    await desk(env, "POST", "/mischief", { api: [{ fault, path: "query", times: 1 }] });
    codes[fault] = (await refused(ask, `an answer with ${fault} is refused`)).code;
    hold(codes[fault] === UNBELIEVED[fault], `${fault} is refused as ${codes[fault]}`);
  }
  hold((await ask()).data.trade_state === "SUCCESS", "a right answer is believed");
  return codes;
}

async function drive(env) {
  const certs = await believed(env);
  const letters = new Letterbox(reader(env, certs));
  await letters.open();
  try {
    const till = { env, wxpay: build(env, certs), letters };
    const paid = await payment(till);
    const closed = await closing(till);
    const unbelieved = await suspicion(till, paid.out_trade_no);
    const refunded = await refund(till, paid);
    await desk(env, "POST", "/clock", { advance_s: TWO_DAYS_S });
    const day = { bill_date: paid.success_time.slice(0, 10) };
    const trades = await bill(till, "tradebill", { ...day, bill_type: "ALL" });
    const packed = await bill(till, "tradebill", { ...day, bill_type: "ALL", tar_type: "GZIP" });
    hold(JSON.stringify(trades) === JSON.stringify(packed), "packed or not, the bill is the same");
    const funds = await bill(till, "fundflowbill", { ...day, account_type: "BASIC" });
    return { certs: Object.keys(certs), paid, closed, refunded, unbelieved, trades, funds };
  } finally {
    letters.close();
  }
}

await live(drive);

/**
 * Holds what our adapter signed and sealed against the functions of the npm `wechatpay-axios-plugin`: reads SIGNED
 * (JSON) and prints a verdict for each. Environment: FOLDER, and KEEPER, the other side's private key.
 */
import { readFileSync } from "node:fs";

import sdk from "wechatpay-axios-plugin";

import { fileOf, live } from "./till.mjs";

const { Formatter, Hash, Rsa, Transformer } = sdk;

/** The items of an Authorization header; their order is free. */
function itemsOf(header) {
  return Object.fromEntries([...header.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

function judge(env) {
  const certificate = fileOf(env, "apiclient_cert.pem");
  const key = Hash.keyObjectFrom(fileOf(env, "apiv2_key.txt"));
  const lines = (parts, signature) => Rsa.verify(Formatter.joinedByLineFeed(...parts), signature, certificate);
  return {
    requests({ method, target, body, authorization }) {
      const { timestamp, nonce_str: nonce, signature } = itemsOf(authorization);
      const fits = (place) =>
        Rsa.verify(Formatter.request(method, place, timestamp, nonce, body), signature, certificate);
      return fits(target) && !fits(`${target}x`);
    },
    cashier({ appId, timeStamp, nonceStr, package: handle, paySign }) {
      return lines([appId, timeStamp, nonceStr, handle], paySign);
    },
    app({ appid, timestamp, noncestr, prepayid, sign }) {
      return lines([appid, timestamp, noncestr, prepayid], sign);
    },
    sealed({ text, plain }) {
      return Rsa.decrypt(text, Rsa.from(readFileSync(env.KEEPER))) === plain;
    },
    xml({ body, signType }) {
      const said = Transformer.toObject(body);
      return Hash.sign(signType, said, key) === said.sign;
    },
    cashierV2(params) {
      const { paySign, ...covered } = params;
      return Hash.sign(params.signType, covered, key) === paySign;
    },
  };
}

await live((env) => {
  const verdicts = judge(env);
  const asked = Object.entries(JSON.parse(env.SIGNED));
  return { verdicts: Object.fromEntries(asked.map(([kind, all]) => [kind, all.map((one) => verdicts[kind](one))])) };
});

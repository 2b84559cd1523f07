/* Finds the six parameters, or the seven of an app, in whatever JSON was pasted, and guesses who would hand them to WeChat. */

const NAMES = ["appId", "timeStamp", "timestamp", "nonceStr", "package", "signType", "paySign"];
const NAMES_OF_APPS = ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"];

/** {channel, params} or {problem: [Chinese, English]}. Values keep their JSON type: WeChat refuses a number as time. */
export function readParams(text, wantedChannel) {
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch (error) {
    return { problem: ["这不是 JSON", "This is not JSON"] };
  }
  const found = search(answer, "");
  if (!found) {
    return {
      problem: [
        "没有找到支付参数（paySign、package …）。请粘贴 status 为 requires_action 的完整回答",
        "No payment parameters (paySign, package …). Paste the whole answer whose status is requires_action",
      ],
    };
  }
  const guessed = /mini_program/.test(found.path) ? "mini_program" : "official_account";
  const channel = wantedChannel || ("prepayid" in found.params ? "app" : guessed);
  const params = {};
  for (const name of channel === "app" ? NAMES_OF_APPS : NAMES) {
    if (name in found.params) {
      params[name] = found.params[name];
    }
  }
  if (channel === "js_sdk" && "timeStamp" in params && !("timestamp" in params)) {
    params.timestamp = params.timeStamp;
  }
  return { channel, params };
}

function search(value, path) {
  if (!value || typeof value !== "object") {
    return null;
  }
  if (("paySign" in value || ("sign" in value && "prepayid" in value)) && "package" in value) {
    return { params: value, path };
  }
  for (const [name, member] of Object.entries(value)) {
    const found = search(member, `${path}/${name}`);
    if (found) {
      return found;
    }
  }
  return null;
}

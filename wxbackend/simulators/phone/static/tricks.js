/* The mischief panel: sets the desk's knobs and shows which are still to go off. */

import * as desk from "./desk.js";
import { fill, h, two } from "./dom.js";

const MISCHIEF = "/_desk/mischief";
const REFRESH_MS = 3000;

const NOTICES = [
  ["丢掉下一个通知", "Lose the next notice", { lose: { times: 1 } }],
  ["迟到 10 秒", "10 s late", { delay_s: { times: 1, seconds: 10 } }],
  ["同时发 3 次", "Sent 3 times at once", { concurrently: { times: 1, copies: 3 } }],
  ["发两次", "Doubled", { duplicate: { times: 1, copies: 2 } }],
  ["签名探测", "Signature probe", { probe: { times: 1 } }],
  ["内容被篡改", "Tampered with", { tamper: { times: 1 } }],
  ["未知的证书序列号", "Unknown serial", { unknown_serial: { times: 1 } }],
  ["时间戳过期", "Old timestamp", { stale_s: { times: 1, seconds: 600 } }],
];

const PLATFORM = [
  ["下次登录是快照页用户", "Next login is a snapshot user", { oauth_snapshot: { times: 1 } }],
  ["平台繁忙 (-1)", "Platform busy (-1)", { busy: { times: 1 } }],
];

const FAULTS = {
  latency: "慢 3 秒 · 3 s slow",
  drop_before: "处理前断线 · cut before the work",
  drop_after: "处理后断线 · cut after the work",
  error_500_before: "处理前 500 · 500 before the work",
  error_500_after: "处理后 500 · 500 after the work",
  html_502: "网关 502 网页 · HTML 502",
  limit_429: "限流 429 · rate limit",
  truncate: "回答被截断 · truncated answer",
  unsigned: "回答没有签名 · unsigned answer",
  bad_signature: "回答签名错误 · wrong signature",
  probe: "签名探测 · signature probe",
  unknown_serial: "未知序列号 · unknown serial",
  paid_after_close: "关单后仍付款 · paid after the close",
  paid_before_reply: "下单未答先付款 · paid before the reply",
};

const PATHS = { any: "任意 · any", order: "下单 · order", query: "查询 · query", close: "关单 · close", certificates: "证书 · certificates", transfer: "转账 · transfer", share: "分账 · share" };
const SLOW_S = 3;

const at = (id) => document.getElementById(id);

function describe(found) {
  const always = (times) => (times === null ? "∞" : `×${times}`);
  const knobs = (group, names) => Object.entries(group || {}).map(([name, knob]) => {
    const known = names.find((each) => name in each[2]);
    return h("li", {}, known ? two(known[0], known[1]) : name, h("b", {}, always(knob.times)));
  });
  return [
    ...knobs(found.notices, NOTICES),
    ...(found.api || []).map((fault) =>
      h("li", {}, `${FAULTS[fault.fault] || fault.fault} (${PATHS[fault.path] || fault.path})`, h("b", {}, always(fault.times)))),
    ...knobs(found.platform, PLATFORM),
  ];
}

async function show() {
  const items = describe(await desk.get(MISCHIEF));
  const before = at("pending").textContent;
  const fresh = items.length ? items : [h("li", { class: "quiet" }, two("一切正常", "Nothing: all is well"))];
  if (fresh.map((item) => item.textContent).join("") !== before) {
    fill(at("pending"), ...fresh);
  }
}

async function addFault() {
  const path = at("fault-path").value;
  const fault = { fault: at("fault").value, path, times: Number(at("fault-times").value) };
  if (fault.fault === "latency") {
    fault.latency_s = SLOW_S;
  }
  const now = await desk.get(MISCHIEF);
  await desk.post(MISCHIEF, { api: [...(now.api || []), fault] });
}

function button(trick, group, run) {
  const [chinese, english, knobs] = trick;
  return h("button", { type: "button", "data-trick": Object.keys(knobs)[0], onclick: () => run(() => desk.post(MISCHIEF, { [group]: knobs })) },
    two(chinese, english));
}

export function setUpTricks(toast, complain) {
  const run = (deed) => deed().then(show).then(() => toast(two("已设置", "Set"))).catch(complain);
  at("notice-tricks").append(...NOTICES.map((trick) => button(trick, "notices", run)));
  at("platform-tricks").append(...PLATFORM.map((trick) => button(trick, "platform", run)));
  at("fault").append(...Object.entries(FAULTS).map(([value, words]) => h("option", { value }, words)));
  at("fault-path").append(...Object.entries(PATHS).map(([value, words]) => h("option", { value }, words)));
  at("api-fault").addEventListener("submit", (event) => {
    event.preventDefault();
    run(addFault);
  });
  at("behave").addEventListener("click", () => run(() => desk.clear(MISCHIEF)));
  show().catch(complain);
  setInterval(() => document.hidden || show().catch(() => null), REFRESH_MS);
}

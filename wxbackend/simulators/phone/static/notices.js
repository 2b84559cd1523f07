/* What the merchant was told: the latest notices, how each was answered, and sending one again. */

import * as desk from "./desk.js";
import { fill, h, two } from "./dom.js";

const REFRESH_MS = 3000;
const SHOWN_MAX = 6;

const at = (id) => document.getElementById(id);
let shown = "";

function verdict(delivery) {
  const took = `${delivery.duration_ms} ms`;
  const tricks = (delivery.mischief || []).map((trick) => (typeof trick === "string" ? trick : JSON.stringify(trick)));
  const outcome = delivery.status ? `HTTP ${delivery.status}` : delivery.error || "—";
  return [outcome, took, ...tricks].join(" · ");
}

function row(notice, again) {
  const well = notice.deliveries.some((delivery) => delivery.status >= 200 && delivery.status < 300);
  return h("li", { class: well ? "well" : null },
    h("span", {}, notice.out_trade_no,
      ...notice.deliveries.slice(-3).map((delivery) => h("small", {}, verdict(delivery))),
      notice.deliveries.length ? null : h("small", {}, notice.state)),
    h("button", { type: "button", onclick: () => again(notice) }, two("再发", "Resend")));
}

/** Shows the latest notices now and every few seconds. */
export function setUpNotices(toast, complain) {
  async function again(notice) {
    try {
      await desk.post(`/_desk/notices/${encodeURIComponent(notice.id)}/send`, { times: 1 });
      toast(two("已再发一次", "Sent again"));
      await show();
    } catch (error) {
      complain(error);
    }
  }

  async function show() {
    const notices = (await desk.get("/_desk/notices")).notices.slice(0, SHOWN_MAX);
    const now = JSON.stringify(notices);
    if (now !== shown) {
      shown = now;
      fill(at("notices"), ...(notices.length ? notices.map((notice) => row(notice, again)) : [
        h("li", { class: "quiet" }, two("还没有通知", "None yet")),
      ]));
    }
  }

  show().catch(complain);
  setInterval(() => document.hidden || show().catch(() => null), REFRESH_MS);
}

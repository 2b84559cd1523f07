/* A browser outside WeChat: the cashier opens by itself, and however it ends the browser goes back to the merchant. */

import { openCashier } from "./cashier.js";
import * as desk from "./desk.js";
import { applyLanguage } from "./dom.js";

const host = document.getElementById("cashier");
const order = JSON.parse(host.dataset.order);

async function serve() {
  const buyer = await desk.buyer();
  const submit = (outcome) => desk.post(`/_desk/buyers/${buyer.id}/open_h5`, { url: location.href, outcome });
  const opened = await submit("cancel");
  const failure = /cancel$/.test(opened.err_msg) ? null : opened;
  await openCashier(host, { order, buyer, failure, submit });
  if (host.dataset.back) {
    location.replace(host.dataset.back);
  } else {
    document.getElementById("ended").hidden = false;
  }
}

applyLanguage();
if (order) {
  serve().catch((error) => {
    document.getElementById("problem").textContent = error.message;
  });
}

/* What merchants transfer to the buyer: each waits a day for the buyer to confirm, as wx.requestMerchantTransfer asks. */

import * as desk from "./desk.js";
import { fill, h, two, yuan } from "./dom.js";

const REFRESH_MS = 2000;

const at = (id) => document.getElementById(id);
let shown = "";

/** Shows what waits to be received now and every few seconds. */
export function setUpTransfers(toast, complain) {
  async function answer(transfer, outcome) {
    try {
      const said = await desk.post(`/_desk/buyers/${desk.currentBuyer()}/confirm_transfer`, {
        out_bill_no: transfer.out_bill_no,
        outcome,
      });
      toast(said.err_msg);
      await show();
    } catch (error) {
      complain(error);
    }
  }

  function row(transfer) {
    return h("li", { "data-transfer": transfer.out_bill_no }, h("div", {},
      h("span", { class: "what" }, transfer.transfer_remark, h("small", {}, transfer.out_bill_no)),
      h("span", { class: "sum" }, yuan(transfer.transfer_amount)),
      h("button", { type: "button", onclick: () => answer(transfer, "confirm") }, two("确认收款", "Receive")),
      h("button", { type: "button", onclick: () => answer(transfer, "fail") }, two("收款失败", "Fail"))));
  }

  async function show() {
    const waiting = (await desk.get(`/_desk/buyers/${desk.currentBuyer()}/transfers`)).transfers;
    const now = JSON.stringify([desk.currentBuyer(), waiting]);
    if (now !== shown) {
      shown = now;
      at("transfers-title").hidden = waiting.length === 0;
      fill(at("transfers"), ...waiting.map(row));
    }
  }

  show().catch(complain);
  setInterval(() => document.hidden || show().catch(() => null), REFRESH_MS);
}

/* Talks to the simulator's desk and tells who the buyer is; every failure becomes an Error with a sentence in it. */

export async function get(path) {
  return understand(await fetch(path, { headers: { Accept: "application/json" } }));
}

export async function post(path, body) {
  return understand(await fetch(path, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: JSON.stringify(body || {}),
  }));
}

export async function clear(path) {
  return understand(await fetch(path, { method: "DELETE", headers: { Accept: "application/json" } }));
}

async function understand(answer) {
  const text = await answer.text();
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch (error) {
    throw new Error(`HTTP ${answer.status}`);
  }
  if (!answer.ok) {
    const error = (body && body.error) || {};
    throw new Error(error.message || (body && body.message) || (typeof error === "string" ? error : `HTTP ${answer.status}`));
  }
  return body;
}

/** A list from an answer that is one, or that has one member holding it. */
export function listOf(answer) {
  return Array.isArray(answer) ? answer : Object.values(answer || {}).find(Array.isArray) || [];
}

export function currentBuyer() {
  const found = /(?:^|;\s*)sim_buyer=([\w-]+)/.exec(document.cookie);
  return found ? found[1] : "buyer_1";
}

export function chooseBuyer(id) {
  document.cookie = `sim_buyer=${id}; path=/; SameSite=Lax`;
}

/** The buyer as the desk knows them; a cookie left over from before a reset falls back to the first buyer. */
export async function buyer() {
  try {
    return await get(`/_desk/buyers/${currentBuyer()}`);
  } catch (error) {
    chooseBuyer("buyer_1");
    return get("/_desk/buyers/buyer_1");
  }
}

/** The order behind a prepay id, or null when WeChat does not know it (any more). */
export async function orderOf(prepayPackage) {
  const prepayId = String(prepayPackage || "").replace(/^prepay_id=/, "") || "-";
  try {
    return await get(`/phone/prepays/${encodeURIComponent(prepayId)}`);
  } catch (error) {
    return null;
  }
}

/** Hands the signed parameters to WeChat as this buyer, who then does as `outcome` says. */
export async function pay(buyer, channel, params, outcome) {
  if (channel === "app") {
    return post(`/_desk/buyers/${buyer.id}/pay_app`, { params, outcome });
  }
  const appid = params.appId || (await miniProgramAppid());
  return post(`/_desk/buyers/${buyer.id}/pay`, { channel, appid, params, outcome });
}

/** Why WeChat would not even open the cashier, or null. Opening and canceling checks everything and moves nothing. */
export async function preview(buyer, channel, params) {
  const answer = await pay(buyer, channel, params, "cancel");
  return /(cancel|errCode:-2)$/.test(answer.err_msg) ? null : answer;
}

/** Scans a QR code's text as this buyer, who then does as `outcome` says. */
export async function scan(buyer, code, outcome) {
  return post(`/_desk/buyers/${buyer.id}/scan`, { code, outcome });
}

/** The order behind a QR code's text, or null when WeChat does not know it (any more). */
export async function orderOfCode(code) {
  try {
    return await get(`/phone/codes?${new URLSearchParams({ code })}`);
  } catch (error) {
    return null;
  }
}

async function miniProgramAppid() {
  const world = await get("/_desk/world");
  const apps = listOf(world.apps || world.appids || []);
  const found = apps.find((app) => app.kind === "mini_program");
  return found ? found.appid : "";
}

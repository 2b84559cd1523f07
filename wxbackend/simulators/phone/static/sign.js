// The page on which a buyer agrees to be charged without being asked again, or does not; the desk does the rest.

const page = new URLSearchParams(location.search).get("pre_entrust_id") ?? "";
const part = (id) => document.getElementById(id);

async function call(path, body) {
  const answer = await fetch(path, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) {
    throw new Error(typeof told.error === "string" ? told.error : (told.error?.message ?? String(answer.status)));
  }
  return told;
}

function show(contract) {
  const waiting = contract.state === "UNSIGNED";
  part("what").textContent = `${contract.merchant} · ${contract.display_account} · ${contract.state}`;
  part("agree").disabled = part("decline").disabled = !waiting;
  part("end").hidden = contract.state !== "SIGNED";
}

async function refresh() {
  show(await call(`/phone/contracts/${encodeURIComponent(page)}`));
}

async function answer(word) {
  const buyer = encodeURIComponent(part("buyer").value.trim());
  await call(`/_desk/buyers/${buyer}/sign`, { page, answer: word });
  part("told").textContent = word === "agree" ? "已开通 Signed" : "未开通 Not signed";
  await refresh();
}

async function end() {
  const contract = await call(`/phone/contracts/${encodeURIComponent(page)}`);
  await call(`/_desk/contracts/${encodeURIComponent(contract.code)}/terminate`, {});
  part("told").textContent = "已解约 Ended";
  await refresh();
}

function act(work) {
  work().catch((error) => {
    part("told").textContent = error.message;
  });
}

part("agree").addEventListener("click", () => act(() => answer("agree")));
part("decline").addEventListener("click", () => act(() => answer("decline")));
part("end").addEventListener("click", () => act(end));
act(refresh);

/**
 * The stage: loads the mini program's real pages into jsdom and lets a test look and tap as a buyer does.
 */
const path = require("node:path");
const simulate = require("miniprogram-simulate");

const STUB = path.resolve(__dirname, "../../miniprogram_stub");
const LOOK_EVERY_MS = 5;
const PATIENCE_MS = 10_000;

const { createPaymentService } = require(path.join(STUB, "payment/service.js"));

/** WeChat's own compiler where its binary runs; elsewhere the runner's JavaScript one. */
function compilerHere() {
  return process.platform === "linux" && process.arch === "x64" ? "official" : "simulate";
}

function loadPage(name) {
  return simulate.load(path.join(STUB, `pages/${name}/index`), { rootPath: STUB, compiler: compilerHere() });
}

/** Wait until something became true on the page or on a server; the error says what was seen last. */
async function eventually(claim, describe) {
  const attempts = Math.ceil(PATIENCE_MS / LOOK_EVERY_MS);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (claim()) {
      return;
    }
    await simulate.sleep(LOOK_EVERY_MS);
  }
  throw new Error(`did not happen; last seen: ${describe()}`);
}

class Page {
  constructor(componentId) {
    this.component = simulate.render(componentId);
    this.component.attach(document.body.appendChild(document.createElement("div")));
  }

  load(query) {
    return this.component.instance.onLoad(query);
  }

  /** What is shown, one space between two elements. */
  text() {
    const walker = document.createTreeWalker(this.component.dom, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
      texts.push(walker.currentNode.data.trim());
    }
    return texts.filter(Boolean).join(" ");
  }

  tap() {
    const button = this.component.querySelector(".pay");
    if (!button) {
      throw new Error(`there is no button: ${this.text()}`);
    }
    button.dispatchEvent("tap");
  }

  hasButton() {
    return Boolean(this.component.querySelector(".pay"));
  }

  shows(...words) {
    return eventually(
      () => words.every((word) => this.text().includes(word)),
      () => this.text(),
    );
  }

  leave() {
    this.component.detach();
  }
}

/** What `getApp()` answers, with the surroundings of a test. */
function stageApp({ wx, clock, config, entryClientSecret = "" }) {
  const app = { payment: createPaymentService({ wx, clock, config }), entryClientSecret, lastResult: null };
  Object.assign(global, { wx, getApp: () => app });
  return app;
}

module.exports = { Page, STUB, eventually, loadPage, stageApp };

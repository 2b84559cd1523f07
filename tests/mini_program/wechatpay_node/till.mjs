/**
 * What both lives of the SDK need: the merchant's files, a buyer at the simulator's desk, and an address for notices.
 * Environment: PAY_URL (encrypted), DESK_URL, FOLDER (the merchant's downloads), MCHID, MERCHANT_SERIAL, APPID.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const NOTICE_WAIT_MS = 20_000;
export const TOTAL_FEN = 1990;
export const REFUND_FEN = 490;
export const BUYER = "buyer_1";

/** Throws with the name of what did not hold; the message never holds a key. */
export function hold(claim, what) {
  if (!claim) {
    throw new Error(`did not hold: ${what}`);
  }
}

export function fileOf(env, name) {
  return readFileSync(join(env.FOLDER, name), "utf8").trim();
}

/** A number of the merchant's, new in every run. */
export function newNumber(kind) {
  return `${kind}${Date.now()}p${process.pid}`;
}

export async function desk(env, method, path, body) {
  const answer = await fetch(`${env.DESK_URL}/_desk${path}`, { method, body: body && JSON.stringify(body) });
  const said = await answer.json();
  hold(answer.ok, `the desk takes ${path}: ${said.error}`);
  return said;
}

/** Runs a call that the SDK must not believe, and hands back the error. */
export async function refused(call, what) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error(`did not hold: ${what}`);
}

/** The merchant's notice address: it answers what `read` makes of a letter, and remembers what that returned. */
export class Letterbox {
  constructor(read) {
    this.told = [];
    this.waiting = [];
    this.server = createServer((request, response) => {
      const parts = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => {
        const { status, type, body, told } = read(request.headers, Buffer.concat(parts).toString("utf8"));
        response.writeHead(status, type ? { "Content-Type": type } : {});
        response.end(body);
        this.told.push(told);
        this.waiting.splice(0).forEach((look) => look());
      });
    });
  }

  async open() {
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}/notices`;
  }

  /** The first letter that fits, when it has come. */
  wait(fits, what) {
    return new Promise((found, lost) => {
      const timer = setTimeout(() => lost(new Error(`did not come: ${what}`)), NOTICE_WAIT_MS);
      const look = () => {
        const letter = this.told.find(fits);
        if (letter) {
          clearTimeout(timer);
          found(letter);
        } else {
          this.waiting.push(look);
        }
      };
      look();
    });
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Runs a whole life and prints one JSON line; ends with 0 only when every expectation held. */
export async function live(drive) {
  try {
    console.log(JSON.stringify({ ok: true, ...(await drive(process.env)) }));
  } catch (error) {
    const said = error.response ? { status: error.response.status, data: error.response.data } : {};
    console.log(JSON.stringify({ ok: false, message: error.message, code: error.code, ...said, stack: error.stack }));
    process.exitCode = 1;
  }
}

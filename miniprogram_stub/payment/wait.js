/**
 * Waiting for the server's word: ask on a schedule, outlive lost connections, end after fifteen minutes.
 */
const { mayPass } = require("./failure.js");

const FIRST_DELAY_MS = 1000;
const FIRST_POLLS = 10;
const SECOND_DELAY_MS = 2000;
const SECOND_POLLS = 10;
const LAST_DELAY_MS = 5000;
const WAIT_MAX_MS = 15 * 60 * 1000;

/**
 * A wait that something else than time can cut short or end.
 * @typedef {object} Watch
 * @property {() => void} hurry ask now and begin the schedule anew
 * @property {() => void} stop nobody looks any more: ask nothing further
 * @property {() => boolean} isStopped
 * @property {(durationMs: number, clock: import("./clock.js").Clock) => Promise<boolean>} pause
 *   resolves after that time, or earlier when hurried or stopped; true when it was hurried
 */

/** @returns {Watch} */
function createWatch() {
  let stopped = false;
  let hurried = false;
  let wake = () => {};

  return {
    hurry() {
      hurried = true;
      wake();
    },
    stop() {
      stopped = true;
      wake();
    },
    isStopped: () => stopped,
    async pause(durationMs, clock) {
      const woken = new Promise((resolve) => {
        wake = () => resolve(undefined);
      });
      if (!hurried && !stopped) {
        await Promise.race([clock.sleep(durationMs), woken]);
      }
      const wasHurried = hurried;
      hurried = false;
      return wasHurried;
    },
  };
}

/**
 * @param {number} polls how often the server was asked since the schedule began
 * @returns {number} milliseconds to wait before the next question
 */
function pollDelay(polls) {
  if (polls < FIRST_POLLS) {
    return FIRST_DELAY_MS;
  }
  return polls < FIRST_POLLS + SECOND_POLLS ? SECOND_DELAY_MS : LAST_DELAY_MS;
}

/**
 * Ask until `verdict` has one. A lost connection or a busy server is asked again; a refusal is thrown.
 * @template T
 * @param {object} parts
 * @param {() => Promise<import("./api.js").Intent>} parts.retrieve
 * @param {import("./clock.js").Clock} parts.clock
 * @param {Watch} parts.watch
 * @param {(intent: import("./api.js").Intent) => T | null} parts.verdict null means: ask again
 * @returns {Promise<T | null>} null when the time is over or the watch was stopped
 */
async function askUntil({ retrieve, clock, watch, verdict }) {
  let deadline = clock.now() + WAIT_MAX_MS;
  let polls = 0;
  while (!watch.isStopped()) {
    if (await watch.pause(pollDelay(polls), clock)) {
      polls = 0;
      deadline = clock.now() + WAIT_MAX_MS;
    }
    if (watch.isStopped()) {
      return null;
    }
    const intent = await retrieveIfReachable(retrieve);
    const found = intent && !watch.isStopped() ? verdict(intent) : null;
    if (found !== null) {
      return found;
    }
    if (clock.now() >= deadline) {
      return null;
    }
    polls += 1;
  }
  return null;
}

/**
 * @param {() => Promise<import("./api.js").Intent>} retrieve
 * @returns {Promise<import("./api.js").Intent | null>}
 */
async function retrieveIfReachable(retrieve) {
  try {
    return await retrieve();
  } catch (error) {
    if (mayPass(error)) {
      return null;
    }
    throw error;
  }
}

module.exports = { askUntil, createWatch, pollDelay };

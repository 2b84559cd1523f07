/**
 * The passing of time, passed in as an argument so that a test can make fifteen minutes short.
 */

/**
 * @typedef {object} Clock
 * @property {() => number} now milliseconds since the epoch
 * @property {(durationMs: number) => Promise<void>} sleep resolves after that many milliseconds
 */

/** @returns {Clock} */
function systemClock() {
  return {
    now: () => Date.now(),
    sleep: (durationMs) =>
      new Promise((resolve) => {
        setTimeout(resolve, durationMs);
      }),
  };
}

module.exports = { systemClock };

/**
 * A clock for tests: it notes every sleep, and its seconds pass many times faster than those on the wall.
 */

const SPEED = 100;
const START_MS = 1_760_000_000_000;

class FastClock {
  constructor(speed = SPEED) {
    this.speed = speed;
    this.slept = [];
    this.currentMs = START_MS;
    this.now = this.now.bind(this);
    this.sleep = this.sleep.bind(this);
  }

  now() {
    return this.currentMs;
  }

  sleep(durationMs) {
    this.slept.push(durationMs);
    return new Promise((resolve) => {
      setTimeout(() => {
        this.currentMs += durationMs;
        resolve();
      }, durationMs / this.speed);
    });
  }
}

module.exports = { FastClock };

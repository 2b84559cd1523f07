/**
 * The buyer's login session: one `wx.login` at a time, kept in memory and storage until it expires.
 */
const { failure } = require("./failure.js");

const STORAGE_KEY = "wxbackend_login_session";
const LOGIN_TIMEOUT_MS = 10000;
/** A token this close to its end is not begun with: it could die between here and the server. */
const EXPIRY_MARGIN_MS = 60000;

/**
 * @typedef {object} Login
 * @property {() => Promise<string>} token a session token, from memory, storage or a new login
 * @property {() => void} forget drop the session, so that the next `token()` logs in
 */

/**
 * @param {object} parts
 * @param {Pick<WechatMiniprogram.Wx, "login" | "getStorageSync" | "setStorageSync" | "removeStorageSync">} parts.wx
 * @param {Pick<import("./api.js").BuyerApi, "login">} parts.api
 * @param {import("./clock.js").Clock} parts.clock
 * @returns {Login}
 */
function createLogin({ wx, api, clock }) {
  /** @type {import("./api.js").LoginSession | null} */
  let session = null;
  /** @type {Promise<string> | null} */
  let underWay = null;

  /** @returns {Promise<string>} */
  async function logIn() {
    session = await api.login(await loginCode(wx));
    store(wx, session);
    return session.token;
  }

  return {
    token() {
      session = session || stored(wx);
      if (session && session.expires_at - EXPIRY_MARGIN_MS > clock.now()) {
        return Promise.resolve(session.token);
      }
      if (!underWay) {
        const done = () => {
          underWay = null;
        };
        underWay = logIn();
        underWay.then(done, done);
      }
      return underWay;
    },

    forget() {
      session = null;
      try {
        wx.removeStorageSync(STORAGE_KEY);
      } catch (error) {
        // What cannot be removed is overwritten by the login that follows.
      }
    },
  };
}

/**
 * @param {Pick<WechatMiniprogram.Wx, "login">} wx
 * @returns {Promise<string>} a code, good for five minutes and one use
 */
function loginCode(wx) {
  return new Promise((resolve, reject) => {
    wx.login({
      timeout: LOGIN_TIMEOUT_MS,
      success: ({ code }) => {
        if (code) {
          resolve(code);
        } else {
          reject(failure("login_failed", "wx.login gave no code", true));
        }
      },
      fail: () => reject(failure("login_failed", "wx.login failed", true)),
    });
  });
}

/**
 * @param {Pick<WechatMiniprogram.Wx, "setStorageSync">} wx
 * @param {import("./api.js").LoginSession} session
 */
function store(wx, { token, expires_at: expiresAt }) {
  try {
    wx.setStorageSync(STORAGE_KEY, { token, expires_at: expiresAt });
  } catch (error) {
    // A full storage costs one more login at the next start, nothing else.
  }
}

/**
 * @param {Pick<WechatMiniprogram.Wx, "getStorageSync">} wx
 * @returns {import("./api.js").LoginSession | null}
 */
function stored(wx) {
  try {
    const kept = wx.getStorageSync(STORAGE_KEY);
    const whole = kept && typeof kept.token === "string" && Number.isSafeInteger(kept.expires_at);
    return whole ? kept : null;
  } catch (error) {
    return null;
  }
}

module.exports = { createLogin };

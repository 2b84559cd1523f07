/**
 * What can go wrong, as one kind of error with a code; its message never holds a key, a secret or a body.
 */

/** Answers that say "later", not "no": timeout, too many requests. Every 5xx is one as well. */
const TEMPORARY_STATUSES = [408, 425, 429];

/** @typedef {Error & {code: string, temporary: boolean}} Failure */

/**
 * @param {string} code the server's `error.code`, or one of ours such as `network_failed`
 * @param {string} message for the developer's console, not for the buyer
 * @param {boolean} [temporary] whether asking again may help
 * @returns {Failure}
 */
function failure(code, message, temporary = false) {
  return Object.assign(new Error(message), { name: "PaymentFailure", code, temporary });
}

/**
 * @param {number} status an HTTP status
 * @returns {boolean}
 */
function isTemporary(status) {
  return status >= 500 || TEMPORARY_STATUSES.includes(status);
}

/**
 * @param {unknown} error anything caught
 * @returns {string} its code, `unexpected` when it is not ours
 */
function codeOf(error) {
  const { code } = /** @type {{code?: unknown}} */ (error || {});
  return typeof code === "string" ? code : "unexpected";
}

/**
 * @param {unknown} error anything caught
 * @returns {boolean} whether asking again may help
 */
function mayPass(error) {
  return /** @type {{temporary?: unknown}} */ (error || {}).temporary === true;
}

module.exports = { codeOf, failure, isTemporary, mayPass };

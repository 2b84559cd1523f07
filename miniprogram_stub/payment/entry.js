/**
 * What the program was opened with: the client secret may come in the query or from the program before this one.
 */

const SECRET_SEPARATOR = "_secret_";

/**
 * @param {unknown} options what `onLaunch` or `onShow` of the app was called with
 * @returns {string} the client secret, or an empty string
 */
function clientSecretOf(options) {
  const entry = recordOf(options);
  const extra = recordOf(recordOf(entry.referrerInfo).extraData);
  return asClientSecret(recordOf(entry.query).client_secret) || asClientSecret(extra.client_secret);
}

/**
 * @param {unknown} value
 * @returns {string} the value when it has the form `pi_…_secret_…`, else an empty string
 */
function asClientSecret(value) {
  return typeof value === "string" && /^pi_\w+_secret_\w+$/.test(value) ? value : "";
}

/**
 * @param {string} clientSecret
 * @returns {string} the id of the intent that this secret opens
 */
function intentIdOf(clientSecret) {
  return clientSecret.slice(0, clientSecret.indexOf(SECRET_SEPARATOR));
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
function recordOf(value) {
  return typeof value === "object" && value !== null
    ? /** @type {Record<string, unknown>} */ (value)
    : {};
}

module.exports = { asClientSecret, clientSecretOf, intentIdOf, recordOf };

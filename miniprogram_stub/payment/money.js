/**
 * Money for people to read: integer minor units in, digits moved as text, never divided.
 */

const MINOR_DIGITS = 2;

/**
 * @param {number} amountFen integer minor units, for CNY fen
 * @param {string} currency upper-case ISO 4217 code of a currency with two decimals
 * @returns {string} such as "¥12.34"
 * @throws {RangeError} when the amount is not a whole number of fen that JavaScript can hold
 */
function formatMinor(amountFen, currency) {
  if (!Number.isSafeInteger(amountFen) || amountFen < 0) {
    throw new RangeError(`not an amount in minor units: ${amountFen}`);
  }
  const digits = String(amountFen).padStart(MINOR_DIGITS + 1, "0");
  const whole = digits.slice(0, -MINOR_DIGITS).replace(/\B(?=(\d{3})+$)/g, ",");
  const sign = currency === "CNY" ? "¥" : `${currency} `;
  return `${sign}${whole}.${digits.slice(-MINOR_DIGITS)}`;
}

module.exports = { formatMinor };

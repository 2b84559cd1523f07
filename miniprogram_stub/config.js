/**
 * Where this mini program finds its servers; only public values, since everything here ships to every phone.
 */
module.exports = {
  /** wxbackend's address, without a slash at the end. */
  apiUrl: "http://127.0.0.1:8000",
  /** The publishable key (`pk_…`), never the secret key. */
  publishableKey: "",
  /** The merchant's own server, which answers `POST /orders {sku}` with `{client_secret}`; may be empty. */
  shopUrl: "",
  /** This mini program's app id, needed only where one wxbackend serves several; may be empty. */
  appId: "",
};

/**
 * The real app.js: what it gives the pages, and which intent a start or a return is for.
 */
const path = require("node:path");
const { FakeWx } = require("./fakes/wx.js");
const { STUB } = require("./stage.js");

const FIRST = "pi_1000000000000000001_secret_a";
const SECOND = "pi_1000000000000000002_secret_b";

test("the app offers the payment service and remembers what it was opened for", () => {
  let app;
  global.wx = new FakeWx({ code: () => "code", cashier: () => null });
  global.App = (definition) => {
    app = definition;
  };
  require(path.join(STUB, "app.js"));
  expect(Object.keys(app.payment).sort()).toEqual(["awaitEnd", "clientSecretFor", "look", "pay"]);
  expect(app.entryClientSecret).toBe("");
  app.onShow({ query: { client_secret: FIRST } });
  expect(app.entryClientSecret).toBe(FIRST);
  app.onShow({ query: {} });
  expect(app.entryClientSecret).toBe(FIRST);
  app.onShow({ query: {}, referrerInfo: { extraData: { client_secret: SECOND } } });
  expect(app.entryClientSecret).toBe(SECOND);
  expect(global.wx.requests).toEqual([]);
});

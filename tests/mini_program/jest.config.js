/**
 * Jest runs the mini program's real components in jsdom; the live file runs only against a live stack.
 */
const live = Boolean(process.env.WXBACKEND_URL);

module.exports = {
  testEnvironment: "jsdom",
  testMatch: [live ? "**/live.test.js" : "**/!(live).test.js"],
  testTimeout: live ? 60000 : 15000,
  maxWorkers: 2,
};

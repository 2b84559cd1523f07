/**
 * Lint rules. The mini program may use only what every WeChat base library of the last years runs:
 * ES2018, and no global of a browser or of Node.
 */
import js from "@eslint/js";

const MINI_PROGRAM = ["wx", "App", "Component", "getApp", "getCurrentPages", "require", "module", "console",
  "setTimeout", "clearTimeout"];
const NODE = ["process", "Buffer", "URL", "console", "setTimeout", "clearTimeout", "require", "module", "__dirname",
  "global", "document", "NodeFilter", "fetch"];
const JEST = ["describe", "test", "expect", "beforeAll", "afterAll", "beforeEach", "afterEach"];

const readable = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));

const rules = {
  ...js.configs.recommended.rules,
  eqeqeq: "error",
  "no-var": "error",
  "prefer-const": "error",
  "max-lines": ["error", 400],
  "max-lines-per-function": ["error", 60],
  "max-params": ["error", 5],
  "max-len": ["error", 120],
  "no-unused-vars": ["error", { caughtErrors: "none" }],
};

export default [
  { ignores: ["**/node_modules/**"] },
  {
    files: ["**/miniprogram_stub/**/*.js"],
    languageOptions: { ecmaVersion: 2018, sourceType: "commonjs", globals: readable(MINI_PROGRAM) },
    rules: {
      ...rules,
      "no-restricted-properties": ["error", { object: "Math", property: "round", message: "Money is integer fen." }],
    },
  },
  {
    files: ["**/miniprogram_stub/payment/**/*.js"],
    rules: { "no-restricted-globals": ["error", { name: "wx", message: "Take wx as an argument." }] },
  },
  {
    files: ["**/tests/mini_program/**/*.js"],
    languageOptions: { ecmaVersion: 2023, sourceType: "commonjs", globals: readable([...NODE, ...JEST]) },
    rules: { ...rules, "max-lines-per-function": "off" },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: readable(NODE) },
    rules,
  },
];

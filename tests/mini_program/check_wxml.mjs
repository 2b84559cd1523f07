/**
 * Checks the mini program's project files and WXML: every page of app.json has its four files, every template
 * parses, and every handler a template binds and every field it shows exists in the page's script.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const { parse } = require("@wxml/parser");
const compiler = require("miniprogram-compiler");

const STUB = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../miniprogram_stub");
const PAGE_SUFFIXES = ["js", "json", "wxml", "wxss"];

/** Every node of a parsed template, parents first. */
function* nodesOf(node) {
  yield node;
  const attributes = node.startTag ? node.startTag.attributes : [];
  const parts = [node.body, node.children, attributes, node.interpolations];
  for (const child of parts.flatMap((part) => part || [])) {
    yield* nodesOf(child);
  }
}

/** What the page's script passes to Component(); the script runs with a wx that nothing may call. */
function definitionOf(page) {
  const definitions = [];
  global.Component = (definition) => definitions.push(definition);
  require(path.join(STUB, `${page}.js`));
  return definitions[0];
}

/** Problems of one template against its script: syntax, unknown handlers, unknown fields. */
function templateProblems(page) {
  const tree = parse(readFileSync(path.join(STUB, `${page}.wxml`), "utf8"));
  const { data = {}, methods = {} } = definitionOf(page);
  const problems = tree.errors.map((error) => `${error.loc.start.line}: ${error.value}`);
  for (const node of nodesOf(tree)) {
    const line = node.loc && node.loc.start ? node.loc.start.line : 1;
    if (node.type === "WXInterpolation") {
      const [field] = node.value.trim().split(/[.[]/);
      problems.push(...(field in data ? [] : [`${line}: {{${node.value}}} shows no field of data`]));
    }
    if (node.type === "WXAttribute" && /^(bind|catch)/.test(node.key)) {
      problems.push(...(node.value in methods ? [] : [`${line}: ${node.key}="${node.value}" names no method`]));
    }
  }
  return problems.map((problem) => `${page}.wxml:${problem}`);
}

/** WeChat's own compiler, where its binary runs (x86-64 Linux, macOS, Windows). */
function compilerProblems() {
  try {
    compiler.wxmlToJs(STUB);
    return { ran: true, problems: [] };
  } catch (error) {
    const cannotRun = ["EACCES", "ENOENT", "ENOEXEC", "UNKNOWN"].includes(error.code);
    return { ran: !cannotRun, problems: cannotRun ? [] : [error.message] };
  }
}

function main() {
  const app = JSON.parse(readFileSync(path.join(STUB, "app.json"), "utf8"));
  const project = JSON.parse(readFileSync(path.join(STUB, "project.config.json"), "utf8"));
  const problems = [];
  const wanted = [app.sitemapLocation, "app.js", "app.wxss"]
    .concat(app.pages.flatMap((page) => PAGE_SUFFIXES.map((suffix) => `${page}.${suffix}`)));
  problems.push(...wanted.filter((file) => !existsSync(path.join(STUB, file))).map((file) => `missing: ${file}`));
  problems.push(...app.pages.flatMap(templateProblems));
  if (!project.appid || project.compileType !== "miniprogram") {
    problems.push("project.config.json: appid and compileType are required");
  }
  const official = compilerProblems();
  problems.push(...official.problems);
  problems.forEach((problem) => console.error(problem));
  console.log(`${app.pages.length} pages, WeChat's compiler ${official.ran ? "ran" : "does not run on this machine"}`);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = main();

// The MCP inspector's command line, over HTTP and over stdio.
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ANSWER, MCP_ARGUMENTS, MCP_URL, QUESTION, expect, run } from "./checking.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const program = join(folder, "node_modules", ".bin", "mcp-inspector");
const http = ["--cli", MCP_URL, "--transport", "http"];
const stdio = ["--cli", process.env.CHECK_PROGRAM, ...MCP_ARGUMENTS];

function inspect(target, ...options) {
  return new Promise((resolve, reject) =>
    execFile(program, [...target, ...options], { timeout: 120_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${error.message} ${stderr}`)) : resolve(stdout),
    ),
  );
}

const call = (target, ...options) =>
  inspect(target, "--method", "tools/call", "--tool-name", "search", ...options);

await run({
  "tools are listed": async () => {
    const { tools } = JSON.parse(await inspect(http, "--method", "tools/list"));
    expect(["search", "fetch", "get", "status"].every((n) => tools.some((t) => t.name === n)), tools);
  },
  "search": async () => {
    const text = await call(http, "--tool-arg", `query=${QUESTION}`);
    expect(text.includes(ANSWER), text);
  },
  "search with a number": async () => {
    const found = JSON.parse(await call(http, "--tool-arg", `query=${QUESTION}`, "--tool-arg", "k=2"));
    expect(found.structuredContent.results.length === 2, found);
  },
  "resources are listed": async () => {
    const { resources } = JSON.parse(await inspect(http, "--method", "resources/list"));
    expect(resources.length === 4, resources);
  },
  "a resource is read": async () => {
    const { resources } = JSON.parse(await inspect(http, "--method", "resources/list"));
    const leave = resources.find((resource) => resource.name === "leave.md");
    const text = await inspect(http, "--method", "resources/read", "--uri", leave.uri);
    expect(text.includes(ANSWER), text);
  },
  "search over stdio": async () => {
    const text = await call(stdio, "--tool-arg", `query=${QUESTION}`);
    expect(text.includes(ANSWER), text);
  },
});

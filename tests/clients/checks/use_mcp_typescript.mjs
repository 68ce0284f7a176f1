// The MCP client of the official SDK for TypeScript, over HTTP and over stdio.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ANSWER, MCP_ARGUMENTS, MCP_URL, QUESTION, expect, run } from "./checking.mjs";

async function connected(transport, work) {
  const client = new Client({ name: "check", version: "1.0.0" });
  await client.connect(transport);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

const http = (work) => connected(new StreamableHTTPClientTransport(new URL(MCP_URL)), work);
const stdio = (work) =>
  connected(
    new StdioClientTransport({ command: process.env.CHECK_PROGRAM, args: MCP_ARGUMENTS }),
    work,
  );
const search = (client, options = {}) =>
  client.callTool({ name: "search", arguments: { query: QUESTION, ...options } });

await run({
  "tools are listed": () =>
    http(async (client) => {
      const { tools } = await client.listTools();
      expect(tools.some((tool) => tool.name === "search"), tools);
    }),
  "search, with its output checked": () =>
    http(async (client) => {
      await client.listTools(); // the client then checks results by their output schemas
      const { structuredContent } = await search(client, { k: 3 });
      expect(structuredContent.results[0].text.includes(ANSWER), structuredContent);
    }),
  "fetch": () =>
    http(async (client) => {
      const { structuredContent } = await search(client);
      const id = structuredContent.results[0].id;
      const fetched = await client.callTool({ name: "fetch", arguments: { id } });
      expect(fetched.structuredContent.text.includes(ANSWER), fetched);
    }),
  "wrong arguments are explained": () =>
    http(async (client) => {
      const result = await search(client, { k: 0 });
      expect(result.isError && result.content[0].text.includes("expected 1 to"), result);
    }),
  "resources are read": () =>
    http(async (client) => {
      const { resources } = await client.listResources();
      const leave = resources.find((resource) => resource.name === "leave.md");
      const { contents } = await client.readResource({ uri: leave.uri });
      expect(contents[0].text.includes(ANSWER), contents);
    }),
  "an unknown resource is named in the error": () =>
    http(async (client) => {
      const error = await client.readResource({ uri: "ragkit://none/x" }).catch((e) => e);
      expect(error.data?.uri === "ragkit://none/x", String(error));
    }),
  "search over stdio": () =>
    stdio(async (client) => {
      const { structuredContent } = await search(client);
      expect(structuredContent.results[0].text.includes(ANSWER), structuredContent);
    }),
});

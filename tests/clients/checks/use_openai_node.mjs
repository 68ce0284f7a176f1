// OpenAI's client for Node against `ragkit serve`.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { ANSWER, MODEL_URL, QUESTION, SEVERAL_URL, URL, expect, run } from "./checking.mjs";

const client = (baseURL) => new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const [one, model, several] = [URL, MODEL_URL, SEVERAL_URL].map(client);
const messages = [{ role: "user", content: QUESTION }];
const asked = { model: "default", messages };
const store = { type: "file_search", vector_store_ids: ["default"] };
const parameters = { type: "object", properties: { city: { type: "string" } } };
const tool = { type: "function", function: { name: "weather", parameters } };
const Leave = z.object({ duration: z.string(), weeks: z.number() });

async function status(promise) {
  return promise.then(
    () => 200,
    (error) => error.status,
  );
}

await run({
  "models": async () => {
    const names = [];
    for await (const item of one.models.list()) names.push(item.id);
    expect(names.includes("default"), names);
  },
  "embeddings": async () => {
    const { data } = await one.embeddings.create({ model: "default", input: ["keys", "soup"] });
    expect(data.length === 2 && data[0].embedding.length === 384, data.length);
  },
  "embeddings of 2048 texts": async () => {
    const input = Array(2048).fill("x");
    const { data } = await one.embeddings.create({ model: "default", input });
    expect(data.length === 2048, data.length);
  },
  "vector store search": async () => {
    const page = await one.vectorStores.search("default", { query: QUESTION });
    expect(page.data[0].content[0].text.includes(ANSWER), page.data);
  },
  "vector store search with a filter": async () => {
    const filters = { type: "eq", key: "path", value: "keys.md" };
    const page = await one.vectorStores.search("default", { query: "x", filters });
    expect(page.data.every((item) => item.filename === "keys.md"), page.data);
  },
  "attributes have the type": async () => {
    const page = await one.vectorStores.search("default", { query: QUESTION });
    expect(page.data[0].attributes.type === "text/markdown", page.data[0].attributes);
  },
  "files of a store": async () => {
    const names = [];
    for await (const file of one.vectorStores.files.list("default", { limit: 2 })) names.push(file.id);
    expect(names.length === 4, names);
  },
  "content of a file": async () => {
    const page = await one.vectorStores.search("default", { query: QUESTION });
    const response = await one.files.content(page.data[0].file_id);
    expect((await response.text()).includes(ANSWER), "no answer");
  },
  "chat": async () => {
    const { choices, usage } = await one.chat.completions.create(asked);
    expect(choices[0].message.content.includes(ANSWER) && usage.total_tokens > 0, choices);
  },
  "chat stream": async () => {
    let text = "";
    for await (const chunk of await one.chat.completions.create({ ...asked, stream: true }))
      text += chunk.choices[0]?.delta?.content ?? "";
    expect(text.includes(ANSWER), text);
  },
  "chat stream helper": async () => {
    const text = await one.chat.completions.stream(asked).finalContent();
    expect(text.includes(ANSWER), text);
  },
  "chat with messages of tools": async () => {
    const call = { id: "c1", type: "function", function: { name: "weather", arguments: "{}" } };
    const more = [
      ...messages,
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "c1", content: "sunny" },
      ...messages,
    ];
    await one.chat.completions.create({ ...asked, messages: more });
  },
  "chat with 201 messages": async () => {
    const turn = [{ role: "user", content: "a" }, { role: "assistant", content: "b" }];
    const more = [...Array(100).fill(turn).flat(), ...messages];
    await one.chat.completions.create({ ...asked, messages: more });
  },
  "tools of the model": async () => {
    const { choices } = await model.chat.completions.create({ ...asked, tools: [tool] });
    expect(choices[0].message.tool_calls[0].function.name === "weather", choices);
  },
  "tools of the model, run by the client": async () => {
    const runnable = {
      type: "function",
      function: { ...tool.function, parse: JSON.parse, function: () => "sunny" },
    };
    const text = await model.chat.completions.runTools({ ...asked, tools: [runnable] }).finalContent();
    expect(text.includes(ANSWER), text);
  },
  "structured output": async () => {
    const response_format = zodResponseFormat(Leave, "leave");
    const { choices } = await model.chat.completions.parse({ ...asked, response_format });
    expect(choices[0].message.parsed.weeks > 0, choices);
  },
  "structured output without a model is refused": async () => {
    const response_format = zodResponseFormat(Leave, "leave");
    expect((await status(one.chat.completions.create({ ...asked, response_format }))) === 400, "");
  },
  "response": async () => {
    const response = await one.responses.create({ model: "default", input: QUESTION, tools: [store] });
    expect(response.output_text.includes(ANSWER), response.output);
  },
  "response stream": async () => {
    const stream = one.responses.stream({ model: "default", input: QUESTION });
    expect((await stream.finalResponse()).output_text.includes(ANSWER), "no answer");
  },
  "response of several stores": async () => {
    const tools = [{ type: "file_search", vector_store_ids: ["handbook", "recipes"] }];
    const response = await several.responses.create({
      model: "handbook", input: "how long does the dough rest?", tools,
      include: ["file_search_call.results"],
    });
    expect(response.output[0].results.some((r) => r.filename === "bread.md"), response.output);
  },
  "an unknown model is 404": async () => {
    expect((await status(one.models.retrieve("other"))) === 404, "");
  },
});

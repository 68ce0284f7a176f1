// LangChain.js with its OpenAI classes.
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
import { ANSWER, MODEL_URL, QUESTION, URL, expect, run } from "./checking.mjs";

const chat = (baseURL = URL, options = {}) =>
  new ChatOpenAI({ model: "default", apiKey: "none", maxRetries: 0, configuration: { baseURL }, ...options });
const Leave = z.object({ duration: z.string(), weeks: z.number() });
const weather = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
};

await run({
  "chat": async () => {
    const { content, usage_metadata } = await chat().invoke(QUESTION);
    expect(content.includes(ANSWER) && usage_metadata.total_tokens > 0, content);
  },
  "chat stream": async () => {
    let text = "";
    for await (const chunk of await chat().stream(QUESTION)) text += chunk.content;
    expect(text.includes(ANSWER), text);
  },
  "responses": async () => {
    const { text } = await chat(URL, { useResponsesApi: true }).invoke(QUESTION);
    expect(text.includes(ANSWER), text);
  },
  "embedding of a query": async () => {
    const embeddings = new OpenAIEmbeddings({ model: "default", apiKey: "none", configuration: { baseURL: URL } });
    expect((await embeddings.embedQuery("keys")).length === 384, "");
  },
  "embeddings of 600 texts": async () => {
    const embeddings = new OpenAIEmbeddings({ model: "default", apiKey: "none", configuration: { baseURL: URL } });
    expect((await embeddings.embedDocuments(Array(600).fill("x"))).length === 600, "");
  },
  "tools of the model": async () => {
    const { tool_calls } = await chat(MODEL_URL).bindTools([weather]).invoke(QUESTION);
    expect(tool_calls[0].name === "weather", tool_calls);
  },
  "structured output": async () => {
    const found = await chat(MODEL_URL).withStructuredOutput(Leave).invoke(QUESTION);
    expect(found.weeks > 0, found);
  },
});

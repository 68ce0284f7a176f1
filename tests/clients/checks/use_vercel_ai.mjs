// The Vercel AI SDK, with its OpenAI provider and its OpenAI-compatible one.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, embedMany, generateObject, generateText, jsonSchema, streamText, tool } from "ai";
import { z } from "zod";
import { ANSWER, MODEL_URL, QUESTION, URL, expect, run } from "./checking.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const openai = createOpenAI({ baseURL: URL, apiKey: "none" });
const compatible = createOpenAICompatible({ name: "ragkit", baseURL: URL, apiKey: "none" });
const withModel = createOpenAICompatible({
  name: "ragkit", baseURL: MODEL_URL, apiKey: "none", supportsStructuredOutputs: true,
});
const responsesWithModel = createOpenAI({ baseURL: MODEL_URL, apiKey: "none" });
const options = { prompt: QUESTION, maxRetries: 0 };
const Leave = z.object({ duration: z.string(), weeks: z.number() });
const weather = tool({
  description: "The weather in a city.",
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } } }),
});

async function read(stream) {
  let text = "";
  for await (const part of stream.textStream) text += part;
  return text;
}

await run({
  "chat": async () => {
    const { text } = await generateText({ model: openai.chat("default"), ...options });
    expect(text.includes(ANSWER), text);
  },
  "chat stream": async () => {
    const text = await read(streamText({ model: openai.chat("default"), ...options }));
    expect(text.includes(ANSWER), text);
  },
  "response": async () => {
    const { text } = await generateText({ model: openai.responses("default"), ...options });
    expect(text.includes(ANSWER), text);
  },
  "response stream": async () => {
    const text = await read(streamText({ model: openai.responses("default"), ...options }));
    expect(text.includes(ANSWER), text);
  },
  "response with file search": async () => {
    const tools = { file_search: openai.tools.fileSearch({ vectorStoreIds: ["default"] }) };
    const { text } = await generateText({ model: openai.responses("default"), tools, ...options });
    expect(text.includes(ANSWER), text);
  },
  "compatible provider": async () => {
    const { text } = await generateText({ model: compatible("default"), ...options });
    expect(text.includes(ANSWER), text);
  },
  "compatible provider, stream": async () => {
    const text = await read(streamText({ model: compatible("default"), ...options }));
    expect(text.includes(ANSWER), text);
  },
  "usage": async () => {
    const { usage } = await generateText({ model: compatible("default"), ...options });
    expect(usage.totalTokens > 0, usage);
  },
  "embedding": async () => {
    const { embedding } = await embed({ model: openai.embedding("default"), value: "keys" });
    expect(embedding.length === 384, embedding.length);
  },
  "embeddings of 600 texts": async () => {
    const values = Array(600).fill("keys");
    const { embeddings } = await embedMany({ model: openai.embedding("default"), values });
    expect(embeddings.length === 600, embeddings.length);
  },
  "conversation of two turns": async () => {
    const first = await generateText({ model: openai.responses("default"), ...options });
    const messages = [
      { role: "user", content: QUESTION }, ...first.response.messages,
      { role: "user", content: "how often are the signing keys rotated?" },
    ];
    const model = openai.responses("default");
    const { text } = await generateText({ model, messages, maxRetries: 0 });
    expect(text.length > 0, text);
  },
  "tools of the model": async () => {
    const { toolCalls } = await generateText({
      model: withModel("default"), tools: { weather }, ...options,
    });
    expect(toolCalls[0].toolName === "weather", toolCalls);
  },
  "tools of the model, in a response": async () => {
    const model = responsesWithModel.responses("default");
    const { toolCalls } = await generateText({ model, tools: { weather }, ...options });
    expect(toolCalls[0].toolName === "weather", toolCalls);
  },
  "structured output": async () => {
    const { object } = await generateObject({
      model: withModel("default"), schema: Leave, ...options,
    });
    expect(object.weeks > 0, object);
  },
});

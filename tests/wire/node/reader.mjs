// Calls the endpoint with the official Node SDK and the AI SDK. Reads one JSON object per line and answers with one.
// {baseURL, apiKey, body, tools}: `body` is sent as it is, whatever the SDK would send; `tools` are names.
import { createInterface } from "node:readline";
import OpenAI, { APIError } from "openai";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, jsonSchema, stepCountIs, streamText } from "ai";

globalThis.AI_SDK_LOG_WARNINGS = false;

const clients = {
  openai: readWithOpenAI,
  openaiHelper: readWithHelper,
  aiOpenAI: (asked) => readWithAI(asked, createOpenAI(options(asked)).chat("small")),
  aiCompatible: (asked) => readWithAI(asked, createOpenAICompatible({ name: "host", ...options(asked) })("small")),
};

function options({ baseURL, apiKey, body }) {
  const send = (url, init) => fetch(url, { ...init, body: JSON.stringify(body) });
  return { baseURL, apiKey, fetch: send };
}

function client({ baseURL, apiKey }) {
  return new OpenAI({ baseURL, apiKey, maxRetries: 0 });
}

// The answer as create() returns it: text, finish reasons, and calls of the first choice.
async function readWithOpenAI(asked) {
  const given = await client(asked).chat.completions.create(asked.body);
  const [message, reasons] = [{ text: "", calls: [] }, []];
  const bodies = asked.body.stream ? given : [given];
  for await (const { choices } of bodies) {
    for (const choice of choices) {
      const part = choice.delta ?? choice.message;
      message.text += part.content ?? "";
      if (choice.finish_reason) reasons.push(choice.finish_reason);
      (part.tool_calls ?? []).forEach((call, position) => addCall(message.calls, call, position));
    }
  }
  return { ...message, reasons };
}

function addCall(calls, call, position) {
  const kept = (calls[call.index ?? position] ??= ["", ""]);
  kept[0] += call.function?.name ?? call.custom?.name ?? "";
  kept[1] += call.function?.arguments ?? call.custom?.input ?? "";
}

// The same, combined by the SDK.
async function readWithHelper(asked) {
  if (!asked.body.stream) return readWithOpenAI(asked);
  const { choices } = await client(asked).chat.completions.stream(asked.body).finalChatCompletion();
  const { message, finish_reason: reason } = choices[0];
  const calls = (message.tool_calls ?? []).map((call) => [call.function.name, call.function.arguments]);
  return { text: message.content ?? "", reasons: [reason], calls };
}

async function readWithAI(asked, model) {
  const tools = Object.fromEntries(asked.tools.map((name) => [name, { inputSchema: jsonSchema({ type: "object" }) }]));
  const call = { model, prompt: "Hi", tools, maxRetries: 0, stopWhen: stepCountIs(1) };
  if (!asked.body.stream) {
    const result = await generateText(call);
    const calls = result.toolCalls.map(({ toolName, input }) => [toolName, JSON.stringify(input)]);
    return { text: result.text, reasons: [result.finishReason], calls };
  }
  const [read, calls] = [{ text: "", reasons: [] }, []];
  for await (const part of streamText({ ...call, onError() {} }).fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") read.text += part.text;
    if (part.type === "tool-call") calls.push([part.toolName, JSON.stringify(part.input)]);
    if (part.type === "finish") read.reasons.push(part.finishReason);
  }
  return { ...read, calls };
}

async function caught(work) {
  try {
    return await work();
  } catch (error) {
    return { error: described(error) };
  }
}

// An error that the endpoint has sent has a message of ours; any other is a fault.
function described(error) {
  if (error instanceof APIError || APICallError.isInstance(error)) {
    return { kind: error.constructor.name, status: error.status ?? error.statusCode ?? null, message: error.message };
  }
  const isOurs = typeof error?.message === "string" && !(error instanceof Error);
  return { kind: isOurs ? "event" : `unexpected ${error?.name ?? typeof error}`, message: String(error?.message ?? error) };
}

async function answer(asked) {
  const names = Object.keys(clients);
  const results = await Promise.all(names.map((name) => caught(() => clients[name](asked))));
  return Object.fromEntries(names.map((name, position) => [name, results[position]]));
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}

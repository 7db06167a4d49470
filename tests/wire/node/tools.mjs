// The official Node SDK against the example host: prints one JSON object, which the Python test judges.
import OpenAI, { APIError } from "openai";

const [, , baseURL, apiKey] = process.argv;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "How is the weather in Oslo?" }];
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      function: ({ place }) => `cold in ${place}`,
      parse: JSON.parse,
      description: "The weather of a place.",
      parameters: { type: "object", properties: { place: { type: "string" } } },
    },
  },
];

async function caught(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    return [error.constructor.name, error.status ?? null, error.code];
  }
  return null;
}

const runner = client.chat.completions.runTools({ model: "small", messages, tools });
const streamed = client.chat.completions.runTools({ model: "small", messages, tools, stream: true });
const plain = await client.chat.completions.create({ model: "small", messages }).withResponse();

let text = "";
for await (const chunk of await client.chat.completions.create({ model: "small", messages, stream: true })) {
  text += chunk.choices[0]?.delta?.content ?? "";
}

console.log(
  JSON.stringify({
    plain: plain.data.choices[0].finish_reason,
    requestId: plain.request_id,
    text,
    runTools: await runner.finalContent(),
    runToolsStreamed: await streamed.finalContent(),
    models: (await client.models.list()).data.map((model) => model.id),
    notFound: await caught(() => client.chat.completions.create({ model: "nothing", messages })),
    invalid: await caught(() => client.chat.completions.create({ model: "small", messages: [] })),
    unauthorized: await caught(() => new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 }).models.list()),
  }),
);

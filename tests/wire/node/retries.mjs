// What the official Node SDK does with each error: how often it calls, and how long it waits. Reads a JSON list of
// {status, headers} and prints a list of {calls, waits}.
import OpenAI from "openai";

const errors = JSON.parse(process.argv[2]);
const results = [];
const setTimer = globalThis.setTimeout;

for (const { status, headers } of errors) {
  const result = { calls: 0, waits: [] };
  globalThis.setTimeout = (work, milliseconds, ...rest) => {
    if (milliseconds < 300_000) result.waits.push(milliseconds); // the SDK's own timeout is longer
    return setTimer(work, milliseconds < 300_000 ? 0 : milliseconds, ...rest);
  };
  const answer = () => {
    result.calls += 1;
    return Promise.resolve(new Response(JSON.stringify({ error: { message: "x" } }), { status, headers }));
  };
  const client = new OpenAI({ apiKey: "x", baseURL: "http://127.0.0.1:9/v1", maxRetries: 1, fetch: answer });
  await client.chat.completions.create({ model: "m", messages: [] }).catch(() => {});
  results.push(result);
}
console.log(JSON.stringify(results));
process.exit();

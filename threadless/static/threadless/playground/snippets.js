// The current conversation and parameters as programs to paste. The key is a placeholder.
import { javaScriptOf, pythonArguments, pythonOf } from "./literals.js";

const KEY = "YOUR_KEY";
const QUESTION = { role: "user", content: "Hello" };

/** Programs by the name of their tab. `address`: the absolute URL of the endpoint; `body`: the request. */
export function snippets(address, body) {
    const asked = body.messages.length ? body : { ...body, messages: [QUESTION] };
    const base = address.replace(/\/chats?\/completions\/?$/, "");
    return {
        curl: curl(address, asked),
        python: python(base, asked),
        node: node(base, asked),
        langchain: langchain(base, asked),
    };
}

/** The body comes from a "here document": it needs no quotes and has no limit of length. */
function curl(address, body) {
    return [
        `curl ${body.stream ? "-N " : ""}${address} \\`,
        `  -H "Authorization: Bearer ${KEY}" \\`,
        '  -H "Content-Type: application/json" \\',
        "  --data-binary @- <<'JSON'",
        JSON.stringify(body, null, 2),
        "JSON",
    ].join("\n");
}

function python(base, body) {
    const lines = [
        "from openai import OpenAI",
        "",
        `client = OpenAI(base_url=${pythonOf(base)}, api_key="${KEY}")`,
        `${body.stream ? "stream" : "completion"} = client.chat.completions.create(`,
        ...pythonArguments(body),
        ")",
    ];
    if (!body.stream) return [...lines, `print(completion.choices[0].message${body.tools ? "" : ".content"})`].join("\n");
    const calls = body.tools ? " or choice.delta.tool_calls" : "";
    return [
        ...lines,
        "for chunk in stream:",
        "    for choice in chunk.choices:",
        `        print(choice.delta.content${calls} or "", end="", flush=True)`,
    ].join("\n");
}

function node(base, body) {
    const lines = [
        'import OpenAI from "openai";',
        "",
        `const client = new OpenAI({ baseURL: ${javaScriptOf(base)}, apiKey: "${KEY}" });`,
        `const ${body.stream ? "stream" : "completion"} = await client.chat.completions.create(${javaScriptOf(body)});`,
    ];
    if (!body.stream) return [...lines, `console.log(completion.choices[0].message${body.tools ? "" : ".content"});`].join("\n");
    const calls = body.tools ? " ?? JSON.stringify(choice.delta.tool_calls)" : "";
    return [
        ...lines,
        "for await (const chunk of stream) {",
        "  for (const choice of chunk.choices) {",
        `    process.stdout.write(choice.delta.content${calls} ?? "");`,
        "  }",
        "}",
    ].join("\n");
}

function langchain(base, { messages, stream, stream_options: _, tools, tool_choice, response_format, ...parameters }) {
    const bound = Object.entries({ tools, tool_choice, response_format }).filter(([, value]) => value !== undefined);
    const lines = [
        "from langchain_openai import ChatOpenAI",
        "",
        "model = ChatOpenAI(",
        ...pythonArguments({ base_url: base, api_key: KEY, ...parameters }),
        bound.length ? ").bind(" : ")",
        ...(bound.length ? [...pythonArguments(Object.fromEntries(bound)), ")"] : []),
        `messages = ${pythonOf(messages)}`,
    ];
    const shown = (name) => (tools ? `${name}.content or ${name}.tool_calls` : `${name}.content`);
    if (!stream) return [...lines, "answer = model.invoke(messages)", `print(${shown("answer")})`].join("\n");
    const chunk = tools ? 'chunk.content or chunk.tool_call_chunks or ""' : "chunk.content";
    return [...lines, "for chunk in model.stream(messages):", `    print(${chunk}, end="", flush=True)`].join("\n");
}

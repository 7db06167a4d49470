// The playground: sends the form as a chat completion with the user's session, and shows the answer.
const element = (name) => document.getElementById(`tl-${name}`);
const form = element("form");

if (form) start();

function start() {
    let controller = null;
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (controller) return;  // Send keeps the focus while it waits, so it is not disabled
        controller = new AbortController();
        await send(controller);
        controller = null;
    });
    element("stop").addEventListener("click", () => controller?.abort());
    form.addEventListener("input", showSnippets);
    form.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") controller?.abort();
    });
    for (const tab of tabs()) {
        tab.addEventListener("click", () => select(tab));
        tab.addEventListener("keydown", moveBetweenTabs);
    }
    element("copy").addEventListener("click", copy);
    showSnippets();
}

// The request

function requestBody() {
    const messages = [{ role: "user", content: form.elements.user.value }];
    const system = form.elements.system.value.trim();
    if (system) messages.unshift({ role: "system", content: system });
    const body = { model: form.elements.model.value, messages };
    return form.elements.stream.checked ? { ...body, stream: true, stream_options: { include_usage: true } } : body;
}

async function send(controller) {
    const run = new Run();
    try {
        const response = await fetch(form.action, {
            method: "POST",
            headers: {
                "Content-Type": "application/json",
                [form.dataset.csrfHeader]: form.elements.csrfmiddlewaretoken.value,
            },
            body: JSON.stringify(requestBody()),
            signal: controller.signal,
        });
        await run.read(response);
    } catch (error) {
        if (error.name === "AbortError") run.outcome = form.dataset.stopped;
        else run.fail(error.shown ?? form.dataset.unreachable);
    } finally {
        run.end();
    }
}

function failure(text) {
    return Object.assign(new Error(text), { shown: text });
}

// The answer

class Run {
    constructor() {
        this.started = performance.now();
        this.raw = [];
        this.hasText = false;
        this.tokens = null;
        this.outcome = form.dataset.complete;
        element("note").textContent = form.dataset.busy;
        for (const name of ["status", "first", "total", "usage", "request"]) show(name, "–");
        for (const name of ["answer", "raw", "count"]) element(name).replaceChildren();
        element("error").hidden = true;
        element("answer").classList.remove("tl-failed");
        this.setBusy(true);
    }

    async read(response) {
        show("status", `${response.status} ${response.statusText}`.trim(), response.ok ? "tl-good" : "tl-bad");
        show("request", response.headers.get("x-request-id") ?? "–");
        const type = response.headers.get("Content-Type") ?? "";
        if (type.startsWith("text/event-stream")) return this.readEvents(response);
        if (response.status === 401) throw failure(form.dataset.signedOut);
        if (!type.startsWith("application/json")) throw failure(form.dataset.notOurs);
        const body = await response.json();
        this.add(JSON.stringify(body, null, 2));
        if (body.error) throw failure(body.error.message);
        this.take(body.choices?.[0]?.message, body.usage);
    }

    async readEvents(response) {
        let isDone = false;
        for await (const data of events(response.body)) {
            this.add(data);
            if (data === "[DONE]") { isDone = true; continue; }
            const chunk = JSON.parse(data);
            if (chunk.error) throw failure(chunk.error.message);
            this.take(chunk.choices?.[0]?.delta, chunk.usage);
        }
        if (!isDone) throw failure(form.dataset.cut);
    }

    take(message, usage) {
        if (message?.reasoning_content) this.write(message.reasoning_content, "tl-reasoning");
        if (message?.content || message?.refusal) this.write(message.content || message.refusal, "tl-text");
        if (message?.tool_calls && !this.hasText) this.write(form.dataset.tools, "tl-reasoning");
        if (!usage) return;
        this.tokens = usage.completion_tokens;
        show("usage", `${usage.prompt_tokens} / ${usage.completion_tokens}`);
    }

    write(text, kind) {
        const answer = element("answer");
        if (!this.hasText) show("first", seconds(this.started));
        this.hasText = true;
        let span = answer.lastElementChild;
        if (span?.className !== kind) {
            span = document.createElement("span");
            span.className = kind;
            answer.append(span);
        }
        const isAtEnd = answer.scrollHeight - answer.scrollTop - answer.clientHeight < 40;
        span.append(text);
        if (isAtEnd) answer.scrollTop = answer.scrollHeight;
    }

    add(data) {
        this.raw.push(data);
        element("raw").append(`${data}\n`);
        element("count").textContent = this.raw.length > 1 ? `(${this.raw.length})` : "";
    }

    fail(text) {
        this.outcome = form.dataset.failed;
        element("error").textContent = text;
        element("error").hidden = false;
        element("answer").classList.add("tl-failed");
    }

    end() {
        const tokens = this.tokens === null ? [] : [`${this.tokens} ${form.dataset.tokens}`];
        const figures = [...tokens, seconds(this.started)].join(", ");
        show("total", seconds(this.started));
        this.setBusy(false);
        element("note").textContent = `${this.outcome} ${figures}`;
    }

    /** Screen readers read the log when it is no longer busy, instead of each token. */
    setBusy(isBusy) {
        const answer = element("answer");
        if (!isBusy && document.activeElement === element("stop")) element("send").focus();
        element("send").setAttribute("aria-disabled", String(isBusy));
        element("stop").hidden = !isBusy;
        answer.setAttribute("aria-busy", String(isBusy));
        answer.classList.toggle("tl-busy", isBusy);
        if (isBusy) answer.closest("section").scrollIntoView({ block: "nearest" });
    }
}

/** Yields the data of each server-sent event, which is one line. Comments are pings and are skipped. */
async function* events(stream) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines) if (line.startsWith("data: ")) yield line.slice(6);
    }
}

function show(name, text, kind = "") {
    element(name).textContent = text;
    element(name).className = kind;
}

function seconds(since) {
    return `${((performance.now() - since) / 1000).toFixed(2)} s`;
}

// Snippets: the same call with curl and Python

function showSnippets() {
    const body = requestBody();
    if (!body.messages.at(-1).content) body.messages.at(-1).content = "Hello";
    element("curl").textContent = curl(body);
    element("python").textContent = python(body);
}

function curl(body) {
    const quoted = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
    return [
        `curl ${body.stream ? "-N " : ""}${form.action} \\`,
        '  -H "Authorization: Bearer YOUR_KEY" \\',
        '  -H "Content-Type: application/json" \\',
        `  -d '${quoted}'`,
    ].join("\n");
}

function python(body) {
    const messages = body.messages.map(
        ({ role, content }) => `        {"role": "${role}", "content": ${JSON.stringify(content)}},`,
    );
    const lines = [
        "from openai import OpenAI",
        "",
        `client = OpenAI(base_url=${JSON.stringify(form.action.replace(/\/chats?\/completions\/?$/, ""))}, api_key="YOUR_KEY")`,
        `${body.stream ? "stream" : "completion"} = client.chat.completions.create(`,
        `    model=${JSON.stringify(body.model)},`,
        "    messages=[",
        ...messages,
        "    ],",
    ];
    if (!body.stream) return [...lines, ")", "print(completion.choices[0].message.content)"].join("\n");
    return [
        ...lines,
        "    stream=True,",
        '    stream_options={"include_usage": True},',
        ")",
        "for chunk in stream:",
        "    if chunk.choices:",
        '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
    ].join("\n");
}

// Tabs

function tabs() {
    return document.querySelectorAll('.tl-tabs [role="tab"]');
}

function select(chosen) {
    for (const tab of tabs()) {
        tab.setAttribute("aria-selected", String(tab === chosen));
        tab.tabIndex = tab === chosen ? 0 : -1;
        document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
}

/** The keys of the pattern "tabs" of the ARIA Authoring Practices. */
function moveBetweenTabs(event) {
    const all = [...tabs()];
    const index = all.indexOf(event.currentTarget);
    const target = {
        ArrowRight: all[(index + 1) % all.length],
        ArrowLeft: all.at(index - 1),
        Home: all[0],
        End: all.at(-1),
    }[event.key];
    if (!target) return;
    event.preventDefault();
    select(target);
    target.focus();
}

async function copy() {
    const button = element("copy");
    const label = button.dataset.label ??= button.textContent;
    const pane = document.querySelector(".tl-code pre:not([hidden])");
    try {
        await navigator.clipboard.writeText(pane.textContent);
    } catch {
        // Without TLS there is no clipboard API; the older command copies the selection.
        getSelection().selectAllChildren(pane);
        document.execCommand("copy");
    }
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
}

// The form for the raw body: sends it as it is, and shows status, headers and body of the answer as they come.
import { takeRaw } from "./draft.js";

const form = document.getElementById("tl-raw-form");
if (form) start();

function start() {
    form.elements._content.value = takeRaw() || example(form.dataset.model);
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        send();
    });
}

function example(model) {
    return JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }, null, 2);
}

async function send() {
    const answer = document.getElementById("tl-raw-answer");
    answer.textContent = "";
    document.getElementById("tl-raw-section").hidden = false;
    note(form.dataset.busy);
    try {
        const response = await fetch(form.action, {
            method: "POST",
            headers: {
                "Content-Type": form.elements._content_type.value,
                [form.dataset.csrfHeader]: form.elements.csrfmiddlewaretoken.value,
            },
            body: form.elements._content.value,
            redirect: "manual",
        });
        answer.append(`HTTP ${response.status}\n`, ...[...response.headers].map(([name, value]) => `${name}: ${value}\n`), "\n");
        const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
        for (let piece = await reader?.read(); piece && !piece.done; piece = await reader.read()) answer.append(piece.value);
        note(`HTTP ${response.status}`);
    } catch {
        note(form.dataset.unreachable);
    }
}

function note(words) {
    document.getElementById("tl-raw-note").textContent = words;
}

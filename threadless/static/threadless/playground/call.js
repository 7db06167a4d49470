// One call of the endpoint with the session of the reader.
import { events } from "./events.js";
import { text } from "./page.js";

/** A failure with words for the reader. */
export class Failure extends Error {
    constructor(words, { mustSignIn = false, code = "" } = {}) {
        super(words);
        Object.assign(this, { mustSignIn, code });
    }
}

/**
 * Sends `body`, a JSON text. Tells `listener` of the head of the answer (`onHead`), of each JSON text (`onData`), and of
 * what it says (`onObject`). Throws `Failure`, or `AbortError` after `signal`.
 */
export async function call(form, body, signal, listener) {
    const response = await post(form, body, signal);
    if (response.type === "opaqueredirect") throw new Failure(text("signedOut"), { mustSignIn: true });
    listener.onHead(response);
    const type = response.headers.get("Content-Type") ?? "";
    if (type.startsWith("text/event-stream")) return readEvents(response, listener);
    if (!type.startsWith("application/json")) throw new Failure(text("notOurs"));
    const data = await response.text();
    const object = JSON.parse(data);
    listener.onData(JSON.stringify(object, null, 2));
    if (object.error) throw failureOf(response.status, object.error);
    listener.onObject(object);
}

/** A redirect, such as one to the login page of the host, is not followed. */
async function post(form, body, signal) {
    const headers = {
        "Content-Type": "application/json",
        [form.dataset.csrfHeader]: form.elements.csrfmiddlewaretoken.value,
    };
    try {
        return await fetch(form.action, { method: "POST", headers, body, signal, redirect: "manual" });
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new Failure(text("unreachable"));
    }
}

async function readEvents(response, listener) {
    let isDone = false;
    try {
        for await (const data of events(response.body)) {
            listener.onData(data);
            if (data === "[DONE]") { isDone = true; continue; }
            const object = JSON.parse(data);
            if (object.error) throw failureOf(response.status, object.error);
            listener.onObject(object);
        }
    } catch (error) {
        if (error instanceof Failure || error.name === "AbortError") throw error;
        throw new Failure(text("cut"));
    }
    if (!isDone) throw new Failure(text("cut"));
}

/** After a new sign-in in another tab, the token of this page is no longer valid. */
function failureOf(status, { message, code }) {
    if (status === 401) return new Failure(text("signedOut"), { mustSignIn: true, code });
    if (status === 403 && message.startsWith("CSRF")) return new Failure(text("reload"), { code });
    return new Failure(message, { code });
}

// The conversation: a list of turns in this browser, and the messages of the API that it becomes.
//
// A turn of the user:  { role: "user", text, images: [address] }
// A turn of the model: { role: "assistant", text, reasoning, refusal, calls: [{ call, result }], facts: {name: text} }

export class Conversation {
    constructor(turns = []) {
        this.turns = turns;
    }

    add(turn) {
        this.turns.push(turn);
    }

    remove(turn) {
        this.turns = this.turns.filter((each) => each !== turn);
    }

    clear() {
        this.turns = [];
    }

    get last() {
        return this.turns.at(-1);
    }

    /** True if the model is next: after a question, or after calls of tools. */
    get expectsAnswer() {
        return this.last?.role === "user" || this.last?.calls.length > 0;
    }

    /** The messages of the API. `system`: the text of the system message, empty for none. */
    messages(system) {
        const first = system ? [{ role: "system", content: system }] : [];
        return [...first, ...this.turns.flatMap(messagesOf)];
    }
}

export function answerTurn() {
    return { role: "assistant", text: "", reasoning: "", refusal: "", calls: [], facts: {} };
}

/** True if nothing of an answer has come. */
export function isEmpty(turn) {
    return !turn.text && !turn.reasoning && !turn.refusal && !turn.calls.length;
}

function messagesOf(turn) {
    if (turn.role === "user") return [{ role: "user", content: contentOf(turn) }];
    const message = { role: "assistant", content: turn.text || (turn.calls.length || turn.refusal ? null : "") };
    if (turn.refusal) message.refusal = turn.refusal;
    if (turn.calls.length) message.tool_calls = turn.calls.map(({ call }) => call);
    return [message, ...turn.calls.map(resultOf)];
}

function resultOf({ call, result }) {
    return { role: "tool", tool_call_id: call.id, content: result };
}

function contentOf({ text, images }) {
    if (!images.length) return text;
    const pictures = images.map((url) => ({ type: "image_url", image_url: { url } }));
    return text ? [{ type: "text", text }, ...pictures] : pictures;
}

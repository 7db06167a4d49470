// Collects an answer, plain or in chunks, in a turn.
import { answerTurn } from "./conversation.js";

export class Answer {
    constructor() {
        this.turn = answerTurn();
        this.usage = null;
        this.finish = null;
    }

    /** Takes a completion or a chunk. */
    take(object) {
        const choice = object.choices?.find((each) => (each.index ?? 0) === 0);
        const message = choice?.message ?? choice?.delta ?? {};
        this.usage = object.usage ?? this.usage;
        this.finish = choice?.finish_reason ?? this.finish;
        this.turn.reasoning += textOf(message.reasoning_content ?? message.reasoning);
        this.turn.text += textOf(message.content);
        this.turn.refusal += textOf(message.refusal);
        for (const [place, piece] of (message.tool_calls ?? []).entries()) this.takeCall(piece, piece.index ?? place);
    }

    takeCall({ index: _, ...piece }, place) {
        const entry = (this.turn.calls[place] ??= { call: { id: "", type: "function" }, result: "" });
        for (const [name, value] of Object.entries(piece)) {
            if (value === null) continue;
            entry.call[name] = typeof value === "object" ? joined(entry.call[name], value) : value;
        }
    }
}

/** Joins the pieces of `function` or `custom`: name, arguments and input are texts. */
function joined(before = {}, piece) {
    const after = { ...before };
    for (const [name, value] of Object.entries(piece)) {
        if (value !== null) after[name] = typeof value === "string" ? (after[name] ?? "") + value : value;
    }
    return after;
}

function textOf(content) {
    if (Array.isArray(content)) return content.map((each) => each.text ?? "").join("");
    return typeof content === "string" ? content : "";
}

// A card for each call of a tool: its name, its arguments, and a field for the result.
import { copyOf, part } from "./page.js";

export class ToolCards {
    constructor(turn, place, changed) {
        this.turn = turn;
        this.place = place;
        this.changed = changed;
        this.cards = [];
    }

    /** Shows the calls as far as they have come. */
    show() {
        for (const [index, entry] of (this.turn.calls ?? []).entries()) {
            this.cards[index] ??= this.added(entry);
            const { name = "", arguments: given, input } = entry.call.function ?? entry.call.custom ?? {};
            part(this.cards[index], "name").textContent = name;
            part(this.cards[index], "arguments").textContent = pretty(given ?? input ?? "");
        }
    }

    added(entry) {
        const card = copyOf("call");
        const field = part(card, "result");
        field.value = entry.result;
        field.addEventListener("input", () => {
            entry.result = field.value;
            this.changed();
        });
        this.place.append(card);
        return card;
    }
}

/** Arguments are JSON, which may be incomplete or wrong; then they are shown as they are. */
function pretty(words) {
    try {
        return JSON.stringify(JSON.parse(words), null, 2);
    } catch {
        return words;
    }
}

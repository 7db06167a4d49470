// One turn on the page. What people and models wrote is inserted as text, never as HTML.
import { ToolCards } from "./tool_cards.js";
import { startCopying } from "./copying.js";
import { showImage } from "./images.js";
import { copyOf, part, text } from "./page.js";

const TEXTS = ["reasoning", "text", "refusal"];

export class TurnView {
    /** `actions`: `remove`, `changed` and `sendResults`, called after a press of the buttons. */
    constructor(turn, actions) {
        this.turn = turn;
        this.actions = actions;
        this.root = copyOf("turn");
        this.root.classList.add(`tl-${turn.role}`);
        part(this.root, "role").textContent = text(turn.role);
        this.cards = new ToolCards(turn, part(this.root, "calls"), actions.changed);
        startCopying(part(this.root, "copy"), () => this.turn.text || this.turn.refusal);
        part(this.root, "edit").addEventListener("click", () => this.edit());
        part(this.root, "remove").addEventListener("click", actions.remove);
        part(this.root, "send-results").addEventListener("click", actions.sendResults);
        this.showImages();
        this.grow();
        this.showFacts();
    }

    /** Shows what has been added to the turn. */
    grow() {
        for (const name of TEXTS) this.growText(part(this.root, name), this.turn[name] ?? "");
        this.cards.show();
    }

    growText(place, words) {
        place.hidden = !words;
        if (!place.firstChild) place.append("");
        const shown = place.firstChild;
        if (words.length > shown.length) shown.appendData(words.slice(shown.length));
    }

    showImages() {
        const images = this.turn.images ?? [];
        part(this.root, "images").replaceChildren(...images.map((address, index) => showImage(address, index)));
        part(this.root, "images").hidden = !images.length;
    }

    showFacts() {
        const facts = Object.entries(this.turn.facts ?? {}).filter(([, words]) => words);
        part(this.root, "facts").hidden = !facts.length;
        for (const place of part(this.root, "facts").children) place.hidden = true;
        for (const [name, words] of facts) {
            const place = part(this.root, `fact-${name}`);
            place.hidden = false;
            place.querySelector("dd").textContent = words;
        }
    }

    /** `number`: the place of the turn, from 1; `isLast`: the results of its tools can be sent. */
    place(number, isLast) {
        for (const name of ["copy", "edit", "remove"]) {
            const button = part(this.root, name);
            button.setAttribute("aria-label", `${button.dataset.label}: ${text(this.turn.role)} ${number}`);
        }
        this.root.setAttribute("aria-label", `${text(this.turn.role)} ${number}`);
        part(this.root, "send-results").hidden = !(isLast && this.turn.calls?.length);
    }

    edit() {
        if (part(this.root, "field")) return;
        const editor = copyOf("editor");
        const field = part(editor, "field");
        field.value = this.turn.text;
        part(editor, "save").addEventListener("click", () => this.endEditing(editor, field.value));
        part(editor, "cancel").addEventListener("click", () => this.endEditing(editor, this.turn.text));
        editor.addEventListener("keydown", (event) => {
            if (event.key === "Escape") this.endEditing(editor, this.turn.text);
            else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.endEditing(editor, field.value);
            else return;
            event.preventDefault();
            event.stopPropagation();
        });
        part(this.root, "text").hidden = true;
        part(this.root, "text").after(editor);
        field.focus();
    }

    endEditing(editor, words) {
        editor.remove();
        this.turn.text = words;
        part(this.root, "text").replaceChildren();
        this.grow();
        part(this.root, "edit").focus();
        this.actions.changed();
    }
}

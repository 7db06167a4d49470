// The pane with the same call as programs, as the JSON of the request, and with the raw answer.
import { startCopying } from "./copying.js";
import { element } from "./page.js";
import { snippets } from "./snippets.js";
import { startTabs } from "./tabs.js";

const DATA_URL = /(data:[^;"]+;base64,[A-Za-z0-9+/]{40})[A-Za-z0-9+/=]{80,}/g;

export class Code {
    constructor() {
        this.texts = {};
        startTabs(element("tabs"));
        startCopying(element("copy"), () => {
            const pane = document.querySelector(".tl-code pre:not([hidden])");
            return this.texts[pane.id] ?? pane.textContent;
        });
    }

    /** Images are shortened on the page, and complete when they are copied. */
    show(address, body) {
        const programs = { ...snippets(address, body), body: JSON.stringify(body, null, 2) };
        for (const [name, words] of Object.entries(programs)) {
            this.texts[`tl-${name}`] = words;
            element(name).textContent = words.replace(DATA_URL, "$1…");
        }
    }
}

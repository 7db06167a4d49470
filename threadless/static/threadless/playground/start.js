// The playground: a conversation with a model or an agent. It is kept in this tab; nothing of it is stored on the server.
import { Code } from "./code.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Draft, giveRaw } from "./draft.js";
import { element, hideFailure, note, refuse, text } from "./page.js";
import { Run } from "./run.js";
import { fill, readSettings, valuesOf } from "./settings.js";
import { TurnList } from "./turn_list.js";

const REST = 200;  // milliseconds without a change, after which the draft is kept and the programs are shown

class Playground {
    constructor() {
        this.form = element("form");
        this.settings = element("settings");
        this.original = valuesOf(this.settings);
        this.draft = new Draft(text("owner"));
        this.code = new Code();
        this.controller = null;
        this.timer = null;
        this.restore();
        this.listen();
        this.rest();
    }

    restore() {
        const kept = this.draft.load();
        const chosen = text("chosen") ? { model: text("chosen") } : {};
        fill(this.settings, { ...kept?.settings, ...chosen });
        const changed = () => this.changed();
        this.conversation = new Conversation(kept?.turns);
        this.composer = new Composer({ hasRoomFor: (address) => this.hasRoomFor(address), changed });
        if (kept) this.composer.content = kept.composer;
        this.list = new TurnList(this.conversation, { changed, send: () => this.sendResults() });
        this.showSchema();
    }

    listen() {
        const { form, settings } = this;
        form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
        settings.addEventListener("submit", (event) => event.preventDefault());
        settings.addEventListener("input", () => { this.showSchema(); this.changed(); });
        element("stop").addEventListener("click", () => this.controller?.abort());
        element("new").addEventListener("click", () => this.startAgain());
        for (const button of settings.querySelectorAll("[data-example]")) {
            button.addEventListener("click", () => this.insertExample(button.dataset.example));
        }
        document.addEventListener("keydown", (event) => this.onKey(event));
        element("to-raw").addEventListener("click", () => giveRaw(JSON.stringify(this.nextBody(), null, 2)));
        addEventListener("pagehide", () => { if (this.timer !== null) this.rest(); });
    }

    onKey(event) {
        if (event.key === "Escape") this.controller?.abort();
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.send();
    }

    /** The request for the conversation as it is, and what is wrong with the settings. */
    request() {
        const { fields: { model, ...others }, problems } = readSettings(this.settings);
        const messages = this.conversation.messages(this.settings.elements.system.value.trim());
        return { body: { model, messages, ...others }, problems };
    }

    /** The request as it will be when the text in the field is sent. */
    nextBody() {
        const { body } = this.request();
        if (this.composer.isEmpty) return body;
        const next = new Conversation([{ role: "user", ...this.composer.content }]);
        return { ...body, messages: [...body.messages, ...next.messages("")] };
    }

    hasRoomFor(address) {
        return new Blob([JSON.stringify(this.nextBody())]).size + address.length < Number(text("maxBytes"));
    }

    changed() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.rest(), REST);
    }

    rest() {
        clearTimeout(this.timer);
        this.timer = null;
        this.code.show(this.form.action, this.nextBody());
        const { turns } = this.conversation;
        const content = { turns, composer: this.composer.content, settings: valuesOf(this.settings) };
        element("unsaved").hidden = this.draft.save(content);
    }

    async send() {
        if (this.controller) return;  // Send keeps the focus while it waits, so it is not disabled
        const [problem] = this.request().problems;
        if (problem) return refuse(problem.field, problem.words);
        if (!this.composer.isEmpty) this.list.add(this.composer.take());
        else if (!this.conversation.expectsAnswer) return refuse(element("user"), text("nothing"));
        this.controller = new AbortController();
        await new Run(this.list).go(this.form, JSON.stringify(this.request().body), this.controller.signal);
        this.controller = null;
        this.rest();
    }

    sendResults() {
        element("send").focus();  // the pressed button goes away
        this.send();
    }

    startAgain() {
        this.controller?.abort();
        this.list.clear();
        this.composer.content = { text: "", images: [] };
        fill(this.settings, { ...this.original, model: this.settings.elements.model.value });
        this.showSchema();
        hideFailure();
        note("");
        this.rest();
        this.draft.clear();
        element("user").focus();
    }

    showSchema() {
        element("schema-field").hidden = this.settings.elements.response_format.value !== "json_schema";
    }

    insertExample(name) {
        const field = this.settings.elements[name];
        field.value = element(`template-${name}`).content.textContent.trim();
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.focus();
    }
}

if (element("playground")) new Playground();

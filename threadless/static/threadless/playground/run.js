// One answer, from the request to its end, and what the page shows of it.
import { Answer } from "./answer.js";
import { call } from "./call.js";
import { isEmpty } from "./conversation.js";
import { Figures } from "./figures.js";
import { element, hideFailure, note, showFailure, text } from "./page.js";

export class Run {
    constructor(list) {
        this.list = list;
        this.answer = new Answer();
        this.figures = new Figures();
        this.view = null;
        this.count = 0;
        this.outcome = text("complete");
    }

    async go(form, body, signal) {
        this.begin();
        try {
            await call(form, body, signal, this);
        } catch (error) {
            if (error.name === "AbortError") this.outcome = text("stopped");
            else this.fail(error);
        } finally {
            this.end();
        }
    }

    begin() {
        hideFailure();
        for (const name of ["raw", "count"]) element(name).replaceChildren();
        note(text("busy"));
        setBusy(true);
    }

    onHead(response) {
        this.figures.head(response);
    }

    onData(data) {
        this.count += 1;
        element("raw").append(`${data}\n`);
        element("count").textContent = this.count > 1 ? `(${this.count})` : "";
    }

    onObject(object) {
        this.answer.take(object);
        if (isEmpty(this.answer.turn)) return;
        this.figures.firstToken();
        if (this.view) this.list.follow(() => this.view.grow());
        else this.view = this.list.add(this.answer.turn);
    }

    fail(error) {
        if (!error.code && error.name === "SyntaxError") error.message = text("notOurs");
        this.outcome = text("failed");
        const { status, request } = this.figures.facts;
        showFailure(error.message, [status && `HTTP ${status}`, error.code, request], error.mustSignIn);
    }

    end() {
        const facts = this.figures.end(this.answer);
        if (!this.view && this.outcome === text("complete")) this.view = this.list.add(this.answer.turn);  // an empty answer
        if (this.view) {
            this.answer.turn.facts = facts;
            this.list.follow(() => this.view.showFacts());
        }
        const tokens = this.answer.usage ? [`${this.answer.usage.completion_tokens} ${text("tokens")}`] : [];
        setBusy(false);
        note([this.outcome, this.answer.turn.calls.length ? text("tools") : "", [...tokens, facts.total].join(", ")].filter(Boolean).join(" "));
    }
}

/** Screen readers read the log when it is no longer busy, instead of each token. */
function setBusy(isBusy) {
    if (!isBusy && document.activeElement === element("stop")) element("send").focus();
    element("send").setAttribute("aria-disabled", String(isBusy));
    element("stop").hidden = !isBusy;
    element("turns").setAttribute("aria-busy", String(isBusy));
    if (isBusy) element("conversation").scrollIntoView({ block: "nearest" });
}

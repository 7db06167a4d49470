// The figures of a call: its status, times, tokens and cost.
import { text } from "./page.js";

export class Figures {
    constructor() {
        this.started = performance.now();
        this.facts = {};
    }

    head(response) {
        this.facts.status = String(response.status);
        this.facts.request = response.headers.get("x-request-id") ?? "";
    }

    firstToken() {
        this.facts.first ??= this.elapsed();
    }

    end({ usage, finish }) {
        Object.assign(this.facts, { total: this.elapsed(), finish: finish ?? "" }, usage ? ofUsage(usage) : {});
        return this.facts;
    }

    elapsed() {
        return `${number((performance.now() - this.started) / 1000, 2)} s`;
    }
}

function ofUsage(usage) {
    const facts = { tokens: `${usage.prompt_tokens} / ${usage.completion_tokens}` };
    const cached = usage.prompt_tokens_details?.cached_tokens;
    const reasoning = usage.completion_tokens_details?.reasoning_tokens;
    if (cached) facts.cached = String(cached);
    if (reasoning) facts.reasoning = String(reasoning);
    if (typeof usage.cost === "number") facts.cost = `${number(usage.cost, 0, 9)} ${text("currency")}`;
    return facts;
}

function number(value, least, most = least) {
    const digits = { minimumFractionDigits: least, maximumFractionDigits: most };
    return new Intl.NumberFormat(document.documentElement.lang, digits).format(value);
}
